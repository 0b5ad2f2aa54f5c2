# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# The gates of tools/series/check that build; sourced, never run.

# Moves the work tree that we build in to commit $1; files that do not differ keep their time.
move_to() {
	own_git -C "$CHECK/src" read-tree -m -u HEAD "$1"
	own_git -C "$CHECK/src" update-ref --no-deref HEAD "$1"
}

# Kbuild targets for the paths on standard input.
targets() {
	local path
	while IFS= read -r path; do
		case $path in
		arch/x86/virt/vmx/tdx/*)	echo arch/x86/virt/vmx/tdx/ ;;
		tools/* | scripts/* | Documentation/*) ;;
		*.c | *.S)			echo "${path%.*}.o" ;;
		*include/*.h)
			# Not the users of a header that everyone has.
			own_git -C "$CHECK/src" grep -l -F "<${path##*include/}>" -- \
				'arch/x86/*.[cS]' 'drivers/virt/*.c' 'virt/*.c' ':!arch/x86/boot' | awk '{ use[NR] = $0 }
				END { if (NR <= 20) for (i = 1; i <= NR; i++) print use[i] }' | sed 's/\.[cS]$/.o/' ;;
		*.h)	own_git -C "$CHECK/src" grep -l -F "\"${path##*/}\"" -- "${path%/*}/*.[cS]" | sed 's/\.[cS]$/.o/' ;;
		esac
	done | sed 's,^arch/x86/virt/vmx/tdx/.*,arch/x86/virt/vmx/tdx/,' | sort -u
}

# Is target $1 part of a kernel with configuration $2? Kbuild builds it anyway when asked to.
enabled() {
	local dir=${1%/} name=${1%/} file symbol makefile
	[[ $1 != */ ]] || name+=/
	while [[ $dir == */* ]]; do
		dir=${dir%/*} makefile=''
		for file in "$CHECK/src/$dir/Makefile" "$CHECK/src/$dir/Kbuild"; do
			[ -f "$file" ] || continue
			makefile=$file
			# shellcheck disable=SC2016
			symbol=$(sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$file" | grep -E "[[:space:]]${name#"$dir/"}([[:space:]]|\$)" |
				sed -n 's/^[^=]*\$(.*\(CONFIG_[A-Z0-9_]*\)).*=.*/\1/p' | head -n 1)
			[ -z "$symbol" ] || grep -q "^$symbol=[ym]" "$2/.config" || return 1
		done
		# A directory without one is named, file by file, in the Makefile above.
		[ -z "$makefile" ] || name=$dir/
	done
}

kmake() {
	local dir=$1 tools=(C=1)
	shift
	[[ $dir != */clang-* ]] || tools=(LLVM=-19)
	# Debian's sparse does not know the operator; to it, the plain one is as good.
	make -s -C "$CHECK/src" O="$dir" W=1 CHECK='sparse -D__typeof_unqual__=__typeof__' "${tools[@]}" "$@"
}

# Configurations: both options on or off. The first one prepared is what the others start from. One whose name
# starts with clang- is for that compiler.
configurations=(tdx-kunit tdx notdx-kunit notdx)
configure() {
	local dir=$CHECK/$1 seed=$CHECK/seed stamp
	mkdir -p "$dir"
	stamp=$(own_git -C "$CHECK/src" ls-files -s -- '*Kconfig*' | cat - "$seed" "$ROOT/tools/series/builds.sh" | sha1sum)
	[ "$stamp" != "$(cat "$dir/stamp" 2>/dev/null)" ] || return 0
	{
		cat "$seed"
		echo '# CONFIG_WERROR is not set'
		[[ $1 != *-kunit ]] && echo '# CONFIG_KUNIT is not set' || echo CONFIG_KUNIT=y
		[[ $1 == *notdx* ]] && echo '# CONFIG_INTEL_TDX_HOST is not set' || echo CONFIG_INTEL_TDX_HOST=y
	} >"$dir/.config"
	kmake "$dir" olddefconfig >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
	grep -q '^CONFIG_INTEL_TDX_HOST=y' "$dir/.config" && [[ $1 == *notdx* ]] && echo "$1: TDX is on" && return 1
	grep -q '^CONFIG_INTEL_TDX_HOST=y' "$dir/.config" || [[ $1 == *notdx* ]] || { echo "$1: TDX is off"; return 1; }
	if ! cmp -s "$dir/.config" "$dir/config.last"; then
		kmake "$dir" -j"$jobs" prepare >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
		cp "$dir/.config" "$dir/config.last"
	fi
	echo "$stamp" >"$dir/stamp"
}

# Builds targets in one configuration; prints warnings that the base did not have.
build_in() {
	local cfg=$1 dir=$CHECK/$1 name=$2 wanted=() target status=0
	shift 2
	for target; do ! enabled "$target" "$dir" || wanted+=("$target"); done
	[ ${#wanted[@]} -gt 0 ] || return 0
	kmake "$dir" -k -j2 V=0 "${wanted[@]}" >"$dir/out" 2>&1 || status=$?
	# Line numbers move, and so would every known warning.
	sed -nE "/^(make|  [A-Z]+ )|Nothing to be done/d
		/warning|error|Warning|Error|undefined|\\*\\*\\*/{s,$CHECK/src/,,g; s/:[0-9]+(:[0-9]+)?//g; p}" "$dir/out" |
		sort -u >"$dir/warnings"
	if [ "$name" = base ]; then
		cat "$dir/warnings" >>"$dir/known"
		return
	fi
	sort -u -o "$dir/known" "$dir/known"
	if [ $status != 0 ] || [ -n "$(comm -23 "$dir/warnings" "$dir/known")" ]; then
		echo "$cfg:"
		sed "/^make/d; s,$CHECK/src/,,g" "$dir/out"
		# Have the next run say it again.
		for target in "${wanted[@]}"; do
			find "$dir/${target%/}" -name '*.o' -delete 2>/dev/null || true
		done
		return 1
	fi
}

# check_build NAME COMMIT TARGET...: in all configurations, two at a time
check_build() {
	local name=$1 commit=$2 cfg pids=() pid status=0
	shift 2
	if known_good < <(own_git -C "$TREE" rev-parse "$commit^{tree}"; echo "${configurations[@]}" "$@"
			cat "$ROOT/tools/series/builds.sh" "$CHECK/seed"; gcc --version; sparse --version; clang-19 --version); then
		echo 'NOTE: as before'
		return
	fi
	move_to "$commit"
	rm -f "$TMP"/out.*
	for cfg in "${configurations[@]}"; do
		(configure "$cfg" && build_in "$cfg" "$name" "$@") >"$TMP/out.$cfg" 2>&1 &
		pids+=($!)
		[ $((${#pids[@]} % 2)) = 1 ] || wait "${pids[-1]}" "${pids[-2]}" || true
	done
	for pid in "${pids[@]}"; do wait "$pid" || status=1; done
	cat "$TMP"/out.*
	[ $status != 0 ] || note_good
	return $status
}

prepare_build() {
	local cfg
	[ -f "$ROOT/arch/x86/virt/vmx/tdx/tests/.kunitconfig" ] || { echo "no tests/.kunitconfig"; return 1; }
	cp "$ROOT/arch/x86/virt/vmx/tdx/tests/.kunitconfig" "$CHECK/seed"
	[ ! -f "$CHECK/prepared" ] || return 0
	move_to "$base"
	configure "${configurations[0]}"
	for cfg in "${configurations[@]:1}"; do
		rm -rf "${CHECK:?}/$cfg"
		cp -a "$CHECK/${configurations[0]}" "$CHECK/$cfg"
		rm "$CHECK/$cfg"/{config.last,stamp}
		configure "$cfg"
	done
	touch "$CHECK/prepared"
}
