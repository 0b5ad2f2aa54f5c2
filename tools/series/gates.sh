# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2164
# The gates of tools/series/check that read files; sourced, never run.

# Files of ours, committed or not.
our_files() { git -C "$ROOT" ls-files -z -c -o --exclude-standard --deduplicate -- "$@" | tr '\0' '\n'; }

# All in directories of the kernel; tools/ and series/ are our own.
check_owned() {
	local path lost=0
	while IFS= read -r path; do
		[ -n "${owner[$path]:-}" ] || [ ! -e "$ROOT/$path" ] || { echo "$path: in no entry"; lost=1; }
	done < <(our_files '*/*' ':!tools' ':!series' ':!.*')
	return $lost
}

check_shell() {
	local path scripts=()
	while IFS= read -r path; do
		[ -f "$ROOT/$path" ] || continue
		if [[ $path == *.sh ]] || head -n 1 "$ROOT/$path" | grep -aqE '^#!.*[/ ](ba|da)?sh( |$)'; then
			scripts+=("$path")
		fi
	done < <(our_files .)
	cd "$ROOT"
	shellcheck -x "${scripts[@]}"
	echo "NOTE: ${#scripts[@]} scripts"
}

check_spelling() {
	local files
	mapfile -t files < <(our_files . | grep -v '^COPYING$')
	cd "$ROOT"
	codespell "${files[@]}"
}

check_checkpatch() {
	local options=(--strict --terse --show-types --no-summary) path new=() keys=()
	# The series adds its files to MAINTAINERS; single patches cannot know.
	[ -z "${owner[MAINTAINERS]:-}" ] || options+=(--ignore FILE_PATH_CHANGES)
	cd "$TREE"
	# The patches that are not exported, too.
	own_git format-patch -q --signoff --zero-commit -o "$TMP/patches" "base..${commits[-1]}"
	for path in "$TMP"/patches/*.patch; do
		! known_good < <(cat "$path" scripts/checkpatch.pl "$ROOT/tools/series/gates.sh") || continue
		new+=("$path") keys+=("$key")
	done
	if [ ${#new[@]} -gt 0 ]; then
		# The distribution's python3 is the one that has the modules.
		printf '%s\0' "${new[@]}" |
			PATH=/usr/bin:$PATH xargs -0 -n 1 -P "$jobs" ./scripts/checkpatch.pl "${options[@]}" |
			sed "s,^$TMP/patches/,,"
		for key in "${keys[@]}"; do note_good; done
	fi
	echo "NOTE: ${#new[@]} patches that it had not seen"
}

# The new files that have C in them, as paths in the kernel tree.
c_files() { printf '%s\n' "${!owner[@]}" | grep '\.[ch]$' | sort; }

check_kernel_doc() {
	local files
	mapfile -t files < <(c_files)
	cd "$CHECK/src"
	PYTHONDONTWRITEBYTECODE=1 ./tools/docs/kernel-doc -none -Wall -Werror "${files[@]}"
	echo "NOTE: ${#files[@]} files"
}

check_includes() {
	local files
	mapfile -t files < <(c_files)
	"$ROOT/tools/series/includes" "$CHECK/src" "${files[@]}"
	echo "NOTE: ${#files[@]} files"
}

# The kernel's script, which reads all of the tree twice: only when there are other symbols.
check_symbols() {
	cd "$CHECK/src"
	if known_good < <(own_git rev-parse base; own_git diff -U0 base HEAD | grep -E '^[-+].*CONFIG_'
			own_git diff base HEAD -- '*Kconfig*'; declare -f check_symbols); then
		echo 'NOTE: as before'
		return
	fi
	python3 -B scripts/checkkconfigsymbols.py --diff "base..$(own_git rev-parse HEAD)" | tee "$TMP/undefined"
	[ ! -s "$TMP/undefined" ] || return 1
	note_good
}

# An entry of MAINTAINERS about TDX has each new file, and what our entry names is there.
check_maintainers() {
	local path lost=0
	cd "$CHECK/src"
	awk -v RS= -v ORS='\n\n' '/^X86 TRUST DOMAIN EXTENSIONS/' MAINTAINERS >"$TMP/maintainers"
	if known_good < <(cat "$TMP/maintainers" "$ROOT/tools/series/gates.sh"; printf '%s\n' "${!owner[@]}" | sort); then
		echo 'NOTE: as before'
		return
	fi
	for path in "${!owner[@]}"; do
		[ "$path" != MAINTAINERS ] || continue
		[ -n "$(./scripts/get_maintainer.pl --mpath "$TMP/maintainers" --no-git --no-git-fallback --sections \
			-f "$path")" ] || { echo "$path: nobody's"; lost=1; }
	done
	while read -r _ path; do
		compgen -G "$path" >/dev/null || { echo "MAINTAINERS: there is no $path"; lost=1; }
	done < <(grep '^F:' "$ROOT/MAINTAINERS")
	[ $lost = 0 ] || return 1
	note_good
	echo "NOTE: ${#owner[@]} files"
}

# Sphinx and the ABI parser look at all documents of a directory. Here count those that name files of ours.
check_documents() {
	local path dirs=()
	if known_good < <(own_git -C "$CHECK/src" rev-parse HEAD:Documentation HEAD:tools/docs; cat "$ROOT/tools/series/gates.sh"); then
		echo 'NOTE: as before'
		return
	fi
	cd "$CHECK/src"
	series_paths "$ROOT" | grep '^Documentation/' | sort -u >"$TMP/documents"
	mapfile -t dirs < <(sed -n 's,^Documentation/\(.*\)/[^/]*\.rst$,\1,p' "$TMP/documents" | sort -u)
	rm -rf "$CHECK/docs"
	export PYTHONDONTWRITEBYTECODE=1
	make -s htmldocs SPHINXDIRS="${dirs[*]}" O="$CHECK/docs" >"$TMP/sphinx" 2>&1 || { cat "$TMP/sphinx"; return 1; }
	while IFS= read -r path; do
		[[ $path != *.rst ]] || [ -n "$(find "$CHECK/docs" -name "$(basename "$path" .rst).html")" ] ||
			{ echo "$path: Sphinx has made nothing of it"; return 1; }
	done <"$TMP/documents"
	# The parser takes a misspelled key for a part of the text.
	grep '^Documentation/ABI/' "$TMP/documents" |
		xargs -r grep -HnvE '^((What|Date|KernelVersion|Contact|Description|Users):|[[:space:]]|$)' && return 1
	./tools/docs/get_abi.py --dir Documentation/ABI validate >>"$TMP/sphinx" 2>&1
	! grep -F -f "$TMP/documents" "$TMP/sphinx" || return 1
	note_good
	echo "NOTE: $(wc -l <"$TMP/documents") documents"
}

# spatch says nothing of a function that it cannot parse. It has to be told of macros that are like "if".
cocci_parses() {
	local path good=0
	echo '#define kunit_warning_suppress(test) if (1)' >"$TMP/cocci.h"
	for path; do
		spatch --macro-file "$TMP/cocci.h" --parse-c "$path" >"$TMP/parsed" 2>&1
		! grep -q 'pbs = 0; timeout = 0;' "$TMP/parsed" || continue
		good=1
		grep '^BAD' "$TMP/parsed" | sed "s,^BAD[:!]*,$path: spatch cannot parse," || true
		grep -q '^BAD' "$TMP/parsed" || echo "$path: spatch cannot parse it"
	done
	return $good
}

# One semantic patch on the files in $TMP/cocci.
cocci_rule() {
	local options
	options=$(sed -n 's/^\/\/ Options: *//p' "$1" | head -n 1)
	# shellcheck disable=SC2086 # options are words
	xargs spatch -D report --very-quiet --no-show-diff --timeout 120 --macro-file "$TMP/cocci.h" --cocci-file "$1" $options <"$TMP/cocci" \
		2>"$TMP/cocci.${1##*/}.err" || { cat "$TMP/cocci.${1##*/}.err"; echo "$1: failed"; }
}

# The kernel's semantic patches, on the files that they have not passed yet.
check_cocci() {
	local path files rules keys=()
	cd "$CHECK/src"
	mapfile -t files < <(c_files)
	cocci_parses "${files[@]}"
	# Those with scripts in OCaml would need its compiler.
	mapfile -t rules < <(grep -rl --include='*.cocci' 'virtual[[:space:]]*report' scripts/coccinelle |
		xargs grep -L 'script:ocaml' | sort)
	for path in "${files[@]}"; do
		! known_good < <(spatch --version; own_git rev-parse HEAD:scripts/coccinelle "HEAD:$path"
			declare -f check_cocci cocci_parses cocci_rule) || continue
		keys+=("$key")
		echo "$path"
	done >"$TMP/cocci"
	export -f cocci_rule
	export TMP
	if [ -s "$TMP/cocci" ]; then
		# shellcheck disable=SC2016 # the other shell expands it
		printf '%s\0' "${rules[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'cocci_rule "$1"' - | tee "$TMP/cocci.out"
		[ ! -s "$TMP/cocci.out" ] || return 1
		for key in "${keys[@]}"; do note_good; done
	fi
	echo "NOTE: ${#rules[@]} semantic patches, $(wc -l <"$TMP/cocci") files that they had not seen"
}
