#!/bin/sh
# Asks a server for an image: repeats the request until the image is there, fetches it, checks its sum.
#   demo/image-request.sh REQUEST.json [SERVER]      SERVER: http://localhost:8000 if not given
# Prints the file's name. Exit code 0: it is here; 1: it is not, and why; 2: wrong usage.
set -eu
. "$(dirname "$0")/talk.sh"

# 2017: 201 is in the queue, 206 in work, 200 ready with an address and an MD5.
classic() {
	while post /image-request; do
		case $status in
		200) break ;;
		201 | 206 | 503) say queue error && wait_a_moment ;;
		*) give_up ;;
		esac
	done
	url=$(value url)
	name=${url##*/}
	sum=$(value checksum)
	check_name "$name"
	case $url in http://* | https://*) ;; *) die "The server names no address of the image." ;; esac
	say filesize
	fetch "$url" "$name" md5sum "$sum"
}

# Today: 202 is in the queue or in work, 200 ready with a folder; the sums are in that folder.
today() {
	while post /api/v1/build; do
		case $status in
		200) break ;;
		202 | 429 | 503) say detail queue_position imagebuilder_status && wait_a_moment ;;
		*) give_up ;;
		esac
	done
	folder=$(value bin_dir)
	case $folder in '' | /* | *..* | *[!A-Za-z0-9._/-]*) die "The server names no folder of the image." ;; esac
	curl -sSf -o "$work/sums" "$server/store/$folder/sha256sums" || die "The server has no sha256sums of the image."
	line=$(grep -E '^[0-9a-f]{64} [ *][A-Za-z0-9._+~-]*(sysupgrade|combined|sdcard)[A-Za-z0-9._+~-]*$' "$work/sums" |
		grep -Ev '\.(sig|asc|json|manifest)$' | head -n 1)
	[ -n "$line" ] || die "There is no image to upgrade with; see $server/images/$folder/."
	name=${line#*[ ][ *]}
	check_name "$name"
	say detail
	fetch "$server/store/$folder/$name" "$name" sha256sum "${line%% *}"
}

if is_classic; then classic; else today; fi
