#!/bin/sh
# Asks a server whether there is something newer for a device, and prints the answer.
#   demo/update-request.sh REQUEST.json [SERVER]      SERVER: http://localhost:8000 if not given
# Exit code 0: there is; 3: there is not; 1: it could not be told, and why; 2: wrong usage.
set -eu
. "$(dirname "$0")/talk.sh"

if is_classic; then address=/update-request; else address=/api/v1/check; fi

while post "$address"; do
	case $status in
	201 | 503) say error detail && wait_a_moment ;;
	*) break ;;
	esac
done

case $status in
200)
	LC_ALL=C tr -cd '[:print:]\n' < "$body"
	printf '\n'
	# The classic answer means that there is something; today's says so.
	! tr -d '\n' < "$body" | grep -Eq '"is_newer" *: *false' ||
		! tr -d '\n' < "$body" | grep -Eq '"updates" *: *\{ *\}' || exit 3
	;;
204) say && exit 3 ;;
*) give_up ;;
esac
