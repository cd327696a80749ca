# How the demo scripts talk to a server; they read this file. Only sh, curl and the usual tools are needed.

server=${2:-${ASU_SERVER:-http://localhost:8000}}
server=${server%/}
pause=${PAUSE:-5} # seconds between two tries, where the server does not say
tries=${TRIES:-720}

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

usage() {
	printf 'usage: %s REQUEST.json [SERVER]\n' "$0" >&2
	exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || usage
request=$1
[ -r "$request" ] || die "$request cannot be read."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
body=$work/body
head=$work/head

# Requests of 2017 have a subtarget, or name the device `board`.
is_classic() {
	grep -Eq '"(subtarget|board)"[[:space:]]*:' "$request"
}

# Sends the request to the address $1; $status is then the HTTP status (000: no answer), $body the file with the answer.
post() {
	: > "$body"
	: > "$head"
	status=$(curl -sS -o "$body" -D "$head" -w '%{http_code}' -m 60 -H 'Content-Type: application/json' \
		--data-binary "@$request" "$server$1") || true
}

# The text of the key $1 of the answer. A quote inside a text is written \", so no text can look like a key.
value() {
	tr -d '\n' < "$body" | sed -n 's/.*"'"$1"'" *: *"\([^"\\]*\)".*/\1/p'
}

# The number of the key $1.
number() {
	tr -d '\n' < "$body" | sed -n 's/.*"'"$1"'" *: *\([0-9][0-9]*\).*/\1/p'
}

# A line on what the server said: texts from there are shown without what steers a terminal.
say() {
	printf '%s' "$status" >&2
	for key in "$@"; do
		found=$(value "$key")
		[ -n "$found" ] || found=$(number "$key")
		[ -z "$found" ] || printf '  %s: %s' "$key" "$found" | LC_ALL=C tr -cd '[:print:]' >&2
	done
	printf '\n' >&2
}

# Until the next try.
wait_a_moment() {
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || die "The server did not finish in time; the same command goes on later."
	seconds=$(tr -d '\r' < "$head" | sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,3\}\)$/\1/p' | tail -n 1)
	sleep "${seconds:-$pause}"
}

# Ends with what the server said.
give_up() {
	say detail error log
	[ "$status" != 000 ] || die "$server does not answer."
	exit 1
}

# Only a plain file name becomes a file here.
check_name() {
	case $1 in
	'' | .* | -* | *[!A-Za-z0-9._+~-]*) die "The server names a file in a way that is not safe." ;;
	esac
}

# Fetches $1 into the file $2, which has the name only when the sum is right: $3 the program, $4 the sum.
fetch() {
	curl -sSf -L --proto '=http,https' --proto-redir '=http,https' -o "$work/file" "$1" || die "$1 could not be fetched."
	(cd "$work" && printf '%s *file\n' "$4" | "$3" -c - > /dev/null 2>&1) || die "$2 does not have the sum $4; it was not kept."
	mv "$work/file" "$2"
	printf '%s\n' "$2"
}
