# What edgekit does on a phone, which has no Python: jobs, files, and a lock, for Android's shell.
# Usage, by its absolute path: sh phone.sh OWNER LEASE_S VERB [ARGUMENT...]
# Words come from strict patterns of the host. Nothing that comes from a file is ever evaluated.
umask 077
trap '' HUP
script=$0
home=${0%/*}
cd "$home" || exit 1
owner=$1 lease=$2 verb=$3
shift 3
read -r boot < /proc/sys/kernel/random/boot_id
most_bytes=1048576

now() { # The phone's own clock, which nobody sets: seconds since it was started.
  read -r uptime rest < /proc/uptime
  uptime=${uptime%%.*}
}

alone() { # Do $1 as the only one. Whoever began it and is gone was before a restart, or is late.
  trap '' PIPE # a host that hears no more must not end this in the middle
  tries=0
  until mkdir "guard-$boot" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 50 ]; then
      now
      since=0
      [ -f "guard-$boot/since" ] && read -r since < "guard-$boot/since"
      [ $((uptime - since)) -gt 30 ] || return 1
      rm -rf "guard-$boot"
    fi
    sleep 0.1
  done
  now
  echo "$uptime" > "guard-$boot/since"
  $1
  rm -rf "guard-$boot"
  trap - PIPE
}

note() { # Say $2 in file $1, whole or not at all: somebody may read it meanwhile.
  echo "$2" > "$1.part-$$"
  mv "$1.part-$$" "$1"
}

look() { # Whose the phone is, and for how long: `has` is empty where it is nobody's.
  has='' until=0 since=''
  now
  [ -f lock ] && read -r since until has < lock
  case $until in '' | *[!0-9]*) until=0 ;; esac
  left=$((until - uptime))
  [ "$since" = "$boot" ] && [ $left -gt 0 ] || has=''
}

renew() {
  look
  [ "$has" = "$owner" ] && take
}

take() { note lock "$boot $((uptime + lease)) $owner"; }

lock() {
  for tool in getprop grep head nproc setsid sha256sum sleep tail taskset; do
    command -v $tool > /dev/null || { echo "lacks $tool"; return; }
  done
  look
  if [ -n "$has" ] && [ "$has" != "$owner" ]; then
    echo "busy $left $has"
    return
  fi
  # Nobody holds it: what runs here still is of somebody who is gone.
  [ -n "$has" ] || { for job in jobs/*/; do end "$job"; done; rm -f sent-*; }
  take
  echo held
}

unlock() {
  look
  [ "$has" = "$owner" ] && rm -f lock
  echo free
}

is_alive() { # Whether the job of folder $1 runs: its number may be another's by now.
  process=''
  [ -f "$1/pid" ] && read -r process < "$1/pid"
  case $process in '' | *[!0-9]*) return 1 ;; esac
  grep -qa "${1#jobs/}" "/proc/$process/cmdline" 2>/dev/null
}

end() {
  folder=${1%/}
  [ -d "$folder" ] || return
  is_alive "$folder" && kill -KILL "-$process"
  rm -rf "$folder"
}

watch() { # End the job of group $2 when its time is up, or where nobody asks for it any more.
  while :; do
    look
    left=$((end_s - uptime))
    why=''
    [ "$has" = "$owner" ] || why=lease
    [ $left -gt 0 ] || why=timeout
    [ -z "$why" ] || break
    [ $left -lt 5 ] || left=5
    sleep $left
  done
  # Not by the program `timeout`: it makes a group of its own, and what is in it would stay.
  note "jobs/$1/ended" $why
  kill -KILL "-$2"
}

work() { # The steps of job $1, each `PHASE WORD...`, for $2 seconds in all.
  folder=jobs/$1
  mkdir "$folder/started" 2>/dev/null || exit 0
  echo $$ > "$folder/pid"
  now
  end_s=$((uptime + $2))
  watch "$1" $$ &
  while read -r phase words; do
    note "$folder/phase" "$phase"
    [ "$phase" = run ] && facts > "$folder/before"
    set -f
    step $words
    set +f
    [ "$phase" = run ] && facts > "$folder/after"
    [ "$status" = 0 ] || break
  done < "files/$3"
  note "$folder/rc" "$status"
  kill -KILL -$$ # the watch, and whatever a step left
}

step() {
  { "$@" < /dev/null; echo $? > "$folder/status"; } 2>&1 | head -c $most_bytes > "$folder/said"
  read -r status < "$folder/status"
}

state() {
  folder=jobs/$1
  [ -d "$folder/started" ] || { echo absent; return; }
  phase=start
  [ -f "$folder/phase" ] && read -r phase < "$folder/phase"
  running=gone
  is_alive "$folder" && running=running
  # In this order: one that ends meanwhile has its status.
  [ -f "$folder/ended" ] && read -r running < "$folder/ended"
  [ -f "$folder/rc" ] && read -r running < "$folder/rc"
  echo "$phase $running"
}

facts() {
  cpus=/sys/devices/system/cpu
  [ $# -gt 0 ] || set -- properties battery thermal cpus memory disk uptime
  for part in "$@"; do
    echo "== $part"
    case $part in
      properties) getprop ;;
      battery) dumpsys battery ;;
      thermal) dumpsys thermalservice ;;
      cpus)
        echo "count $(nproc)"
        grep -H . $cpus/cpu[0-9]*/cpu_capacity $cpus/cpu[0-9]*/cpufreq/[cs][pc][ua]*_* ;;
      memory) grep -E '^Mem(Total|Available):' /proc/meminfo ;;
      disk) df -k "$home" ;;
      uptime) echo "$uptime $(uname -r)" ;;
    esac 2>/dev/null < /dev/null
  done
}

[ "$verb" = lock ] || [ "$verb" = unlock ] || alone renew
case $verb in
  lock | unlock) alone $verb || echo "busy 0 somebody" ;;
  lacking) for sha in "$@"; do [ -f "files/$sha" ] && touch "files/$sha" || echo "$sha"; done ;;
  keep)
    # What was sent in part, or to another's place, isn't kept.
    sha=$(sha256sum "$1")
    [ "${sha%% *}" = "$2" ] && chmod 700 "$1" && mv "$1" "files/$2" && echo kept ;;
  begin)
    mkdir -p "jobs/$1"
    setsid sh "$script" "$owner" "$lease" work "$@" < /dev/null > /dev/null 2>&1 &
    tries=0 # Until it is there to be asked for.
    until [ -s "jobs/$1/pid" ] || [ $tries -gt 50 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
    echo begun ;;
  work) work "$@" ;;
  state) state "$1" ;;
  size) [ -f "jobs/$1/$2" ] && wc -c < "jobs/$1/$2" ;;
  fetch) head -c "$3" "jobs/$1/$2" ;;
  end)
    end "jobs/$1"
    ls -t files | tail -n "+$2" | while read -r sha; do rm -f "files/$sha"; done
    echo ended ;;
  facts) now; facts "$@" ;;
esac
exit 0 # any other status is a link that broke
