# Sourced by the launchers, which set `name` (jvb-ts), `root` (this checkout) and `variable` (the name of the
# one that bounds the heap). Sets `node`, `bundle` and `heap` (MiB, or nothing); ends the launcher with one line
# where the set-up is not finished (1) or the size is none (78).

case $(uname -m) in
  aarch64 | arm64) arch=arm64 ;;
  *) arch=x64 ;;
esac
node=$root/node_modules/node-linux-$arch/bin/node
bundle=$root/dist/$name/main.mjs
for needed in "$node" "$bundle"; do
  if [ ! -e "$needed" ]; then
    echo "$name: $needed is missing; finish the set-up: (cd $root && npm run setup)" >&2
    exit 1
  fi
done

# Of Java's forms 3072m, 4g, 524288k, and bytes. As with Java, nonsense stops the start.
heap=
eval "size=\${$variable-}"
number=${size%[kKmMgG]}
case $number in
  *[!0-9]* | '') ;;
  *)
    case $size in
      *[gG]) heap=$((number * 1024)) ;;
      *[mM]) heap=$number ;;
      *[kK]) heap=$((number / 1024)) ;;
      *) heap=$((number / 1048576)) ;;
    esac
    ;;
esac
if [ -n "$size" ] && [ "${heap:-0}" -lt 16 ]; then
  echo "$name: $variable=$size is no size of at least 16m, such as 512m or 3g; correct or unset it" >&2
  exit 78
fi
