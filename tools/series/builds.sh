# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# The gates of tools/series/check that build; sourced, never run.

# Moves the work tree that we build in to commit $1; files that do not differ keep their time.
move_to() {
	own_git -C "$CHECK/src" read-tree -m -u HEAD "$1"
	own_git -C "$CHECK/src" update-ref --no-deref HEAD "$1"
}

# Kbuild targets for the paths on standard input, in commit $1.
targets() {
	local path
	while IFS= read -r path; do
		case $path in
		arch/x86/virt/vmx/tdx/*)	echo arch/x86/virt/vmx/tdx/ ;;
		tools/* | scripts/* | Documentation/*) ;;
		*.c | *.S)			echo "${path%.*}.o" ;;
		*include/*.h)
			# Not the users of a header that everyone has.
			own_git -C "$TREE" grep -l -F "<${path##*include/}>" "$1" -- \
				'arch/x86/*.[cS]' 'drivers/virt/*.c' 'virt/*.c' ':!arch/x86/boot' \
				':!arch/x86/virt/vmx/tdx' | awk '{ use[NR] = $0 }
				END { if (NR <= 20) for (i = 1; i <= NR; i++) print use[i] }' ;;
		*.h)	own_git -C "$TREE" grep -l -F "\"${path##*/}\"" "$1" -- "${path%/*}/*.[cS]" || true ;;
		esac
	done | sed "s,^$1:,,; s,\.[cS]\$,.o,; s,^arch/x86/virt/vmx/tdx/.*,arch/x86/virt/vmx/tdx/," | sort -u
}

# The same without the users of headers from include/.
own_targets() { sed '/\/include\//d' | targets "$1"; }

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

# The array "configurations" names those to build: tdx-kunit is what the tests have, tdx what an operator has, with no
# mock and no KUnit, and notdx has no TDX either. The first one prepared is what the others start from. One whose name
# starts with clang- is for that compiler.
configure() {
	local dir=$CHECK/$1 seed=$CHECK/seed on=() off=() stamp symbol
	mkdir -p "$dir"
	stamp=$(own_git -C "$CHECK/src" ls-files -s -- '*Kconfig*' | cat - "$seed" "$ROOT/tools/series/builds.sh" | sha1sum)
	[ "$stamp" != "$(cat "$dir/stamp" 2>/dev/null)" ] || return 0
	case $1 in
	*-kunit) on=(INTEL_TDX_HOST KUNIT) ;;
	*notdx) off=(INTEL_TDX_HOST INTEL_TDX_MOCK KUNIT) ;;
	*) on=(INTEL_TDX_HOST) off=(INTEL_TDX_MOCK KUNIT) ;;
	esac
	{
		cat "$seed"
		echo '# CONFIG_WERROR is not set'
		for symbol in "${off[@]}"; do echo "# CONFIG_$symbol is not set"; done
	} >"$dir/.config"
	kmake "$dir" olddefconfig >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
	for symbol in "${on[@]}"; do
		grep -qx "CONFIG_$symbol=y" "$dir/.config" || { echo "$1: $symbol is off"; return 1; }
	done
	for symbol in "${off[@]}"; do
		! grep -qx "CONFIG_$symbol=y" "$dir/.config" || { echo "$1: $symbol is on"; return 1; }
	done
	if ! cmp -s "$dir/.config" "$dir/config.last"; then
		kmake "$dir" -j"$jobs" prepare >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
		cp "$dir/.config" "$dir/config.last"
	fi
	echo "$stamp" >"$dir/stamp"
}

# build_in CONFIGURATION NAME TARGET...: leaves output, status and warnings in files NAME.* of the configuration
build_in() {
	local dir=$CHECK/$1 as=$CHECK/$1/$2 wanted=() target
	configure "$1" || return
	shift 2
	echo 0 >"$as.status"
	: >"$as.out"
	for target; do ! enabled "$target" "$dir" || wanted+=("$target"); done
	# That much comes before any target: a few files of the kernel, which include the headers that all others do.
	[ ${#wanted[@]} -gt 0 ] || wanted=(prepare)
	kmake "$dir" -k -j"$jobs" V=0 "${wanted[@]}" >"$as.out" 2>&1 || echo $? >"$as.status"
	# Line numbers move, and so would every known warning.
	sed -nE "/^(make|  [A-Z]+ )|Nothing to be done/d
		/warning|error|Warning|Error|undefined|\\*\\*\\*/{s,$CHECK/src/,,g; s/:[0-9]+(:[0-9]+)?//g; p}" "$as.out" |
		sort -u >"$as.warnings"
}

# build_all NAME TARGET...: in all configurations at once
build_all() {
	local cfg pids=() pid status=0
	for cfg in "${configurations[@]}"; do
		build_in "$cfg" "$@" >"$TMP/out.$cfg" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || status=1; done
	for cfg in "${configurations[@]}"; do cat "$TMP/out.$cfg"; done
	return $status
}

# What the series warns of in a configuration, and is not known of the base.
news() {
	touch "$CHECK/$1/known-$base"
	comm -23 "$CHECK/$1/series.warnings" "$CHECK/$1/known-$base"
}

# learn_base TARGET...: learns what those of the targets that are in the base warn of there.
learn_base() {
	local cfg old=() target
	for target; do
		! own_git -C "$TREE" ls-tree --name-only "$base" -- "${target%.o}.c" "${target%.o}.S" "${target%/}" | grep -q . ||
			old+=("$target")
	done
	[ ${#old[@]} -gt 0 ] || return 0
	move_to "$base"
	build_all base "${old[@]}"
	for cfg in "${configurations[@]}"; do
		touch "$CHECK/$cfg/known-$base"
		sort -u -o "$CHECK/$cfg/known-$base" "$CHECK/$cfg/known-$base" "$CHECK/$cfg/base.warnings"
	done
}

# ask_base TARGET...: the same for those of the targets that warn of something new
ask_base() {
	local cfg new=() target path
	for cfg in "${configurations[@]}"; do news "$cfg"; done >"$TMP/news"
	for target; do
		path=${target%.o}
		# A header does not say who includes it.
		! grep -q -e "${path%/}" -e '\.h:' "$TMP/news" || new+=("$target")
	done
	[ ${#new[@]} = 0 ] || learn_base "${new[@]}"
}

# Have the next build say again what it warns of in these targets.
forget_objects() {
	local cfg target
	for cfg in "${configurations[@]}"; do
		for target; do
			find "$CHECK/$cfg/${target%/}" -name '*.o' -delete 2>/dev/null || true
		done
	done
}

# check_build COMMIT TARGET...: builds in all configurations, and brings no warning that the base does not have
check_build() {
	local commit=$1 cfg pending=$CHECK/pending-${configurations[0]} status=0
	shift
	if known_good < <(own_git -C "$TREE" rev-parse "$commit^{tree}"; echo "$base" "${configurations[@]}" "$@"
			cat "$ROOT/tools/series/builds.sh" "$CHECK/seed"; gcc --version; sparse --version; clang-19 --version); then
		echo 'NOTE: as before'
		return
	fi
	# A run that was interrupted has not said what it was warned of: have it said again.
	# shellcheck disable=SC2046 # targets are words
	[ ! -f "$pending" ] || forget_objects $(cat "$pending")
	echo "$*" >"$pending"
	move_to "$commit"
	build_all series "$@"
	ask_base "$@"
	for cfg in "${configurations[@]}"; do
		[ "$(cat "$CHECK/$cfg/series.status")" != 0 ] || [ -n "$(news "$cfg")" ] || continue
		status=1
		echo "$cfg:"
		sed "/^make/d; s,$CHECK/src/,,g" "$CHECK/$cfg/series.out"
	done
	[ $status = 0 ] || return $status
	rm "$pending"
	note_good
}

# prepare_build TARGET...: makes the configurations, and has the base say what it warns of in these targets. To go back
# for that later makes the next patches build more.
prepare_build() {
	local cfg first=${configurations[0]}
	[ -f "$ROOT/arch/x86/virt/vmx/tdx/tests/.kunitconfig" ] || { echo "no tests/.kunitconfig"; return 1; }
	cp "$ROOT/arch/x86/virt/vmx/tdx/tests/.kunitconfig" "$CHECK/seed"
	[ ! -f "$CHECK/prepared-$first" ] || return 0
	move_to "$base"
	configure "$first"
	for cfg in "${configurations[@]:1}"; do
		rm -rf "${CHECK:?}/$cfg"
		cp -a "$CHECK/$first" "$CHECK/$cfg"
		rm "$CHECK/$cfg"/{config.last,stamp}
	done
	learn_base "$@"
	touch "$CHECK/prepared-$first"
}
