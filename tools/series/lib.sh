# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Shared by the scripts in this directory; sourced, never run.

export LC_ALL=C
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_PREFIX

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
OUT=$ROOT/build
PROG=$(basename "$0")

die() { printf '%s: %s\n' "$PROG" "$*" >&2; exit 1; }
say() { printf '  %-8s %s\n' "$1" "${*:2}" >&2; }
bad_usage() { printf '%s: %s (see --help)\n' "$PROG" "$*" >&2; exit 2; }

# The comment block at the head of a script is its help text.
help() { sed -n '/^# Usage:/,/^$/s/^# \{0,1\}//p' "$0"; exit 0; }

# Seconds since START (an $EPOCHREALTIME), one decimal.
since() {
	local t=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000))
	echo "$((t / 10)).$((t % 10)) s"
}

# A directory that goes away with the script.
scratch() {
	mkdir -p "$OUT"
	TMP=$(mktemp -d "$OUT/tmp.XXXXXX")
	trap 'rm -rf "$TMP"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP PIPE
}

# Commits of our own trees have one identity and date: an unchanged series gives unchanged commit ids.
# What the user configured (hooks, whitespace fixes, identity) must not leak into them.
own_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES=$OUT \
	GIT_AUTHOR_NAME=series GIT_AUTHOR_EMAIL=series@localhost GIT_AUTHOR_DATE='1700000000 +0000' \
	GIT_COMMITTER_NAME=series GIT_COMMITTER_EMAIL=series@localhost GIT_COMMITTER_DATE='1700000000 +0000' \
	git "$@"
}

# The base is a kernel version (7.2) or a directory that the user has. Sets BASE, KDIR and TREE.
select_base() {
	BASE='' KDIR=''
	case $1 in
	*[!0-9.]* | '' | *.*.* | .* | *.)
		[ -d "$1" ] || bad_usage "'$1' is neither a kernel version nor a directory"
		KDIR=$(cd "$1" && pwd -P)
		[ -f "$KDIR/Kbuild" ] || die "$KDIR is no kernel tree"
		BASE=kdir-$(printf '%s %s' "$KDIR" "$([ -e "$KDIR/.git" ] && echo git)" | sha1sum | cut -c1-10)
		;;
	*.*)	BASE=$1 ;;
	*)	bad_usage "'$1' is neither a kernel version nor a directory" ;;
	esac
	TREE=$OUT/linux-$BASE
}

# A git work tree of its own, not a directory inside somebody's repository.
is_git_tree() {
	[ -e "$1/.git" ] || return 1
	git -C "$1" rev-parse --show-toplevel >/dev/null || die "git cannot use $1"
}

# Two of our commands must not work on one tree at a time.
lock_tree() {
	mkdir -p "$OUT"
	exec 9>"$OUT/.lock-$BASE"
	flock -n 9 || { say wait "for another command on $TREE"; flock 9; }
}

# Reads series/ below DIR: names[], subjects[], exports[], news[] (paths, newline after each) by position,
# owner[path] = position of the entry that brings a new file.
load_series() {
	local dir=$1 file line i=0 path
	names=() subjects=() exports=() news=()
	declare -gA owner=()
	for file in "$dir"/series/*.patch; do
		[ -e "$file" ] || break
		[[ ${file##*/} =~ ^[0-9]{4}-[A-Za-z0-9._-]+\.patch$ ]] ||
			die "series/${file##*/}: a name is NNNN-name.patch"
		names[i]=${file##*/}
		names[i]=${names[i]%.patch}
		subjects[i]='' exports[i]=yes news[i]=''
		while IFS= read -r line && [ -n "$line" ]; do
			case $line in
			'Subject: '?*)	subjects[i]=${line#Subject: } ;;
			'Export: no')	exports[i]=no ;;
			'Export: yes')	;;
			'New: '?*)
				path=${line#New: }
				case $path in
				/* | *[[:space:]]* | ./* | *//* | ../* | */../*)
					die "series/${file##*/}: bad path '$path'" ;;
				esac
				[ -z "${owner[$path]:-}" ] ||
					die "$path is new in ${names[${owner[$path]}]} and in ${names[i]}"
				[ -f "$dir/$path" ] || die "series/${file##*/}: new file '$path' does not exist"
				owner[$path]=$i
				news[i]+=$path$'\n'
				;;
			*)	die "series/${file##*/}: unknown header line '$line'" ;;
			esac
		done <"$file"
		[ -n "${subjects[i]}" ] || die "series/${file##*/}: no 'Subject:' line"
		[ "$i" = 0 ] || [ "${exports[i]}" = no ] || [ "${exports[i - 1]}" = yes ] ||
			die "series/${file##*/} is exported, but ${names[i - 1]} before it is not"
		i=$((i + 1))
	done
	[ "$i" -gt 0 ] || die "$dir/series has no entries"
}

# The parts of an entry: what lies before the hunks, the commit message, the hunks.
entry_head() { sed '/^---$/Q' "$1"; }
entry_message() { printf '%s\n\n' "$2"; sed '1,/^$/d; /^---$/Q' "$1" | git stripspace; }
entry_hunks() { sed '1,/^---$/d' "$1"; }

# Paths that the hunks on standard input touch.
hunk_paths() { sed -n 's,^diff --git a/\(.*\) b/\(.*\)$,\1\n\2,p' | sort -u; }

# Every path that the series in DIR touches.
series_paths() {
	printf '%s' "${news[@]}"
	cat "$1"/series/*.patch | hunk_paths
}

# Titles in MAINTAINERS are nearly sorted. Insert entry FILE where it leaves the fewest titles out of order.
splice_maintainers() {
	awk -v entry="$1" '
	BEGIN {
		while ((getline l < entry) > 0) { if (!n && l == "") continue; new[++n] = l }
		while (n && new[n] == "") n--
		if (!n) exit 1
	}
	{ line[NR] = $0 }
	END {
		if (!n) exit 1
		for (i = 1; i < NR; i++) {
			if (line[i] ~ /^Maintainers List/) { list = 1; title = 0 }
			if (!list || line[i - 1] != "" || line[i] ~ /^[A-Z]:/ || line[i + 1] !~ /^[A-Z]:\t/) continue
			at[++t] = i
			key[t] = line[i] == "THE REST" ? "~" : line[i]
		}
		if (!t) exit 1
		at[t + 1] = NR + 1
		best = 1
		for (i = 1; i <= t; i++) {
			cost += key[i] < new[1] ? -1 : 1
			if (cost <= min) { min = cost; best = i + 1 }
		}
		for (i = 1; i <= NR; i++) {
			if (i == at[best]) { for (j = 1; j <= n; j++) print new[j]; print "" }
			print line[i]
		}
	}'
}

# Text of the MAINTAINERS entry with the title of FILE, from file IN.
extract_maintainers() {
	awk -v title="$(sed '/./!d;q' "$1")" '$0 == title { on = 1 } on && $0 == "" { on = 0 } on' "$2"
}

# "key" of every entry, keys[]: a hash over the base and all that the entries up to this one contain.
series_keys() {
	local dir=$1 key i path
	key=$2\ $(sha1sum <"$ROOT/tools/series/lib.sh")
	keys=()
	for i in "${!names[@]}"; do
		key=$({
			printf '%s\n' "$key" "${names[i]}"
			cat "$dir/series/${names[i]}.patch"
			while IFS= read -r path; do
				[ -x "$dir/$path" ] && printf x
				printf '%s\0' "$path"
				cat "$dir/$path"
			done < <(printf %s "${news[i]}")
		} | sha1sum)
		key=${key%% *}
		keys[i]=$key
	done
}

# Puts entry I of the series in DIR on the index $GIT_INDEX_FILE of repository REPO.
entry_to_index() {
	local dir=$1 repo=$2 i=$3 file=$1/series/${names[$3]}.patch path mode err
	entry_hunks "$file" >"$TMP/hunks"
	if grep -q '^diff --git ' "$TMP/hunks"; then
		while IFS= read -r path; do
			[ -z "${owner[$path]:-}" ] ||
				die "${names[i]} has a hunk for $path, which is a new file of ${names[${owner[$path]}]}"
		done < <(hunk_paths <"$TMP/hunks")
		if ! own_git -C "$repo" apply --cached --recount --whitespace=nowarn "$TMP/hunks" 2>"$TMP/err"; then
			err=$(sed -n '/^error: /{s/^error: //p}' "$TMP/err")
			printf '%s: %s does not apply:\n%s\n' "$PROG" "${names[i]}" "$err" >&2
			rejected_hunks "$repo" >&2
			return 1
		fi
	elif grep -q '[^[:space:]]' "$TMP/hunks"; then
		printf '%s: %s has text after --- but no hunks\n' "$PROG" "${names[i]}" >&2
		return 1
	fi
	while IFS= read -r path; do
		mode=100644
		[ ! -x "$dir/$path" ] || mode=100755
		if [ "$path" = MAINTAINERS ]; then
			own_git -C "$repo" cat-file blob :MAINTAINERS >"$TMP/MAINTAINERS" &&
				splice_maintainers "$dir/MAINTAINERS" <"$TMP/MAINTAINERS" >"$TMP/spliced" || {
				printf '%s: %s: MAINTAINERS cannot be spliced\n' "$PROG" "${names[i]}" >&2
				return 1
			}
			printf '%s %s\t%s\n' $mode "$(own_git -C "$repo" hash-object -w "$TMP/spliced")" "$path"
		elif own_git -C "$repo" ls-files --error-unmatch -- "$path" >/dev/null 2>&1; then
			printf '%s: %s: new file %s is in the base already\n' "$PROG" "${names[i]}" "$path" >&2
			return 1
		else
			printf '%s %s\t%s\n' $mode "$(own_git -C "$repo" hash-object -w "$dir/$path")" "$path"
		fi
	done < <(printf %s "${news[i]}") >"$TMP/info" || return 1
	[ ! -s "$TMP/info" ] || own_git -C "$repo" update-index --add --index-info <"$TMP/info"
}

# Is the whole series in DIR part of COMMIT in repository REPO? Takes it off an index, last entry first.
is_applied() {
	local dir=$1 repo=$2 i path
	export GIT_INDEX_FILE=$TMP/applied
	own_git -C "$repo" read-tree "$3"
	for path in "${!owner[@]}"; do
		if [ "$path" = MAINTAINERS ]; then
			own_git -C "$repo" cat-file blob "$3:$path" 2>/dev/null | extract_maintainers "$dir/$path" - |
				cmp -s - <(extract_maintainers "$dir/$path" "$dir/$path")
		else
			own_git -C "$repo" cat-file blob "$3:$path" 2>/dev/null | cmp -s - "$dir/$path"
		fi || { unset GIT_INDEX_FILE; return 1; }
	done
	for ((i = ${#names[@]} - 1; i >= 0; i--)); do
		entry_hunks "$dir/series/${names[i]}.patch" >"$TMP/hunks"
		! grep -q '^diff --git ' "$TMP/hunks" ||
			own_git -C "$repo" apply -R --cached --recount --whitespace=nowarn "$TMP/hunks" 2>/dev/null ||
			{ unset GIT_INDEX_FILE; return 1; }
	done
	unset GIT_INDEX_FILE
}

# Which hunks of $TMP/hunks fail on the index: the ones that do not apply on their own either.
rejected_hunks() {
	local part
	rm -rf "$TMP/parts"
	mkdir "$TMP/parts"
	awk -v dir="$TMP/parts" '
	/^diff --git /	{ head = ""; hunk = 0 }
	/^@@ /		{ hunk = 1; close(out); out = sprintf("%s/%04d", dir, ++n); printf "%s", head > out }
	hunk		{ print > out; next }
			{ head = head $0 "\n" }' "$TMP/hunks"
	for part in "$TMP"/parts/*; do
		[ -e "$part" ] || break
		own_git -C "$1" apply --cached --check --recount --whitespace=nowarn "$part" 2>/dev/null ||
			sed -n '/^+++ /,$p' "$part"
	done
}

# Makes the commits of the series in DIR on top of COMMIT in repository REPO: commits[]. Entries that are as
# they were in a former run (cache file CACHE, "key commit" per line) are taken from there.
build_series() {
	local dir=$1 repo=$2 head=$3 cache=$4 i tree key commit indexed=''
	declare -A known=()
	series_keys "$dir" "$head"
	if [ -f "$cache" ]; then
		while read -r key commit; do known[$key]=$commit; done <"$cache"
	fi
	commits=()
	rm -f "$TMP/cache" "$TMP/index"
	for i in "${!names[@]}"; do
		commit=${known[${keys[i]}]:-}
		if [ -n "$commit" ] && [ -z "$indexed" ]; then
			head=$commit
		else
			export GIT_INDEX_FILE=$TMP/index
			if [ -z "$indexed" ]; then
				own_git -C "$repo" -c index.version=2 read-tree "$head"
				indexed=1
			fi
			entry_to_index "$dir" "$repo" "$i" || { unset GIT_INDEX_FILE; return 1; }
			tree=$(own_git -C "$repo" write-tree)
			unset GIT_INDEX_FILE
			[ "$tree" != "$(own_git -C "$repo" rev-parse "$head^{tree}")" ] ||
				{ printf '%s: %s changes nothing\n' "$PROG" "${names[i]}" >&2; return 1; }
			entry_message "$dir/series/${names[i]}.patch" "${subjects[i]}" >"$TMP/message"
			head=$(commit_git -C "$repo" commit-tree -p "$head" -F "$TMP/message" "$tree")
		fi
		commits[i]=$head
		printf '%s %s\n' "${keys[i]}" "$head" >>"$TMP/cache"
	done
}

# Identity of the commits that build_series makes; apply on a user's tree replaces it.
commit_git() { own_git "$@"; }

# Notes in the repository of our tree what is applied: refs/series/NAME and the cache.
record_series() {
	local repo=$1 i old
	{
		while read -r old; do printf 'delete %s\n' "$old"; done \
			< <(own_git -C "$repo" for-each-ref --format='%(refname)' refs/series)
		for i in "${!names[@]}"; do printf 'update refs/series/%s %s\n' "${names[i]}" "${commits[i]}"; done
	} | awk '{ if ($1 == "delete") gone[$2] = 1; else { delete gone[$2]; up = up $0 "\n" } }
		 END { for (r in gone) print "delete " r; printf "%s", up }' | own_git -C "$repo" update-ref --stdin
	mv "$TMP/cache" "$repo/.git/series-cache"
}
