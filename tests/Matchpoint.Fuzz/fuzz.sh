#!/usr/bin/env bash
# Fuzzes one target, guided by coverage, for some seconds, and takes what reached new code into the corpus.
#   tests/Matchpoint.Fuzz/fuzz.sh TARGET SECONDS
# Needs afl-fuzz (Debian: apt-get install afl++) and installs SharpFuzz's tool, which rewrites copies of the assemblies.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 TARGET SECONDS" >&2
    exit 2
fi
if ! command -v afl-fuzz > /dev/null; then
    echo "fuzz.sh: afl-fuzz is not installed: apt-get install afl++" >&2
    exit 1
fi

target=$1
seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
work=${FUZZ_WORK:-${TMPDIR:-/tmp}/matchpoint-fuzz}
mkdir -p "$work"

rm -rf "$work/bin"
dotnet build "$here" -c Release -o "$work/bin" --nologo -v quiet
dotnet "$work/bin/Matchpoint.Fuzz.dll" seeds "$work/seeds" # Before it is rewritten: afterwards it runs only under the fuzzer.
[ -x "$work/tool/sharpfuzz" ] || dotnet tool install --tool-path "$work/tool" SharpFuzz.CommandLine --version 2.3.0
for assembly in Matchpoint.Protocol Matchpoint.Storage Matchpoint.Transport Matchpoint Matchpoint.Server; do
    "$work/tool/sharpfuzz" "$work/bin/$assembly.dll"
done

mkdir -p "$here/Corpus/$target"
cp "$here/Corpus/$target/"* "$work/seeds/$target/" 2> /dev/null || true
mkdir -p "$work/out"
rm -rf "$work/out/$target"

export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 DOTNET_TieredPGO=0
afl-fuzz -i "$work/seeds/$target" -o "$work/out/$target" -t 5000 -m none -V "$seconds" -- dotnet "$work/bin/Matchpoint.Fuzz.dll" afl "$target" > "$work/$target.log" 2>&1

stats="$work/out/$target/default/fuzzer_stats"
grep -E "^(execs_done|execs_per_sec|corpus_count|corpus_found|saved_crashes|saved_hangs|run_time) " "$stats"
# What reached new code, the short ones: under the name of what it holds, so that nothing is there twice.
find "$work/out/$target/default/queue" -maxdepth 1 -type f -name "id:*" -size -2k ! -name "*orig*" -printf "%s %p\n" | sort -n | head -60 | cut -d" " -f2- \
    | while read -r file; do cp "$file" "$here/Corpus/$target/$(sha1sum "$file" | cut -c1-16)"; done
for crash in "$work/out/$target/default/crashes/id:"*; do
    [ -e "$crash" ] || continue
    cp "$crash" "$here/Corpus/$target/crash-$(sha1sum "$crash" | cut -c1-16)"
    echo "CRASH: $here/Corpus/$target/crash-$(sha1sum "$crash" | cut -c1-16)"
done
