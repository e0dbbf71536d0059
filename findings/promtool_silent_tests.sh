#!/usr/bin/env bash
# One would guess: promtool test rules fails when a test names an alert that no rule has, or a rule file that is not there.
# Seen: a test that an alert does not fire passes for every name that is not an alert, while the one that was meant fires; a missing rule
# file is a warning, "SUCCESS" and exit code 0. For the right name the same test fails.
# Matters: after an alert or its file was renamed, the tests that it stays silent (during an update, below the limit) go on passing and
# test nothing. Have each file of tests expect every alert once as firing, and look for WARNING in the output.
# Debian 12 prometheus 2.42.0+ds-5+deb12u1. Output seen:
#   rules.yml, QueueStalled: exit 1, FAILED
#   rules.yml, QueueStaled: exit 0, SUCCESS
#   rule.yml, QueueStalled: exit 0, WARNING: no file match pattern rule.yml SUCCESS
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' prometheus)" = 2.42.0+ds-5+deb12u1 ] || { echo "needs prometheus 2.42.0+ds-5+deb12u1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > rules.yml <<'YAML'
groups:
- name: queue
  rules:
  - {alert: QueueStalled, expr: queue_pending > 10, for: 1m}
YAML
# silent FILE ALERT tests that the alert of the rules in the file does not fire while 50 are pending.
silent() {
	cat > test.yml <<YAML
rule_files: [$1]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series: [{series: queue_pending, values: 50x10}]
  alert_rule_test: [{eval_time: 5m, alertname: $2, exp_alerts: []}]
YAML
	code=0; promtool test rules test.yml > log 2>&1 || code=$?
	echo "$1, $2: exit $code, $(grep -o 'WARNING.*\|SUCCESS\|FAILED' log | paste -s -d ' ')"
}
{
	silent rules.yml QueueStalled
	silent rules.yml QueueStaled
	silent rule.yml QueueStalled
} | tee out
diff out - <<'SEEN'
rules.yml, QueueStalled: exit 1, FAILED
rules.yml, QueueStaled: exit 0, SUCCESS
rule.yml, QueueStalled: exit 0, WARNING: no file match pattern rule.yml SUCCESS
SEEN
