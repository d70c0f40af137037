# Reads ctest's JUnit file and counts test cases: the GoogleTest cases in a program's output (once each, even if several
# ranks printed them), and one for each other entry. A program that dies outside a case counts as one failure. Prints
# the skipped cases with their reasons, then "N passed, N failed, N skipped".

function unescape(text) {
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function attribute(line, name) {
  if (!match(line, " " name "=\"[^\"]*\"")) return ""
  return substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
}

function finish_entry(name, state, worst) {
  if (entry == "") return
  cases = 0
  failures = 0
  for (name in seen) {
    ++cases
    state = seen[name]
    if (state == "failed") { ++failed; ++failures }
    if (state == "passed") ++passed
    if (state == "skipped") { ++skipped; list = list "  " entry ": " name ": " reason[name] "\n" }
  }
  if (outcome == "fail" && failures == 0) ++failed
  if (outcome == "run" && cases == 0) ++passed
  if (outcome != "run" && outcome != "fail") { ++skipped; list = list "  " entry ": " (why == "" ? outcome : why) "\n" }
  entry = ""
}

# A case that several ranks report has the worst of the reported states.
function report(name, state) {
  if (seen[name] == "failed" || (seen[name] == "skipped" && state == "passed")) return
  seen[name] = state
  if (state == "skipped") reason[name] = why
}

/<testcase / {
  finish_entry()
  entry = attribute($0, "name")
  outcome = attribute($0, "status")
  split("", seen)
  split("", reason)
  why = ""
}

# An entry whose program is missing is a failure; one that is disabled or asked to be skipped is not.
/<skipped message=/ {
  why = attribute($0, "message")
  if (outcome == "notrun" && why !~ /^SKIP_/) outcome = "fail"
}

{ line = unescape($0); sub(/.*<system-out>/, "", line) }
line ~ /\[ RUN      \] / { why = "" }
line ~ /^[^\[]*: Skipped$/ { taking = 1; next }
taking && line !~ /^\[/ && line != "" { why = why (why == "" ? "" : " ") line }
line ~ /^\[/ || line == "" { taking = 0 }
line ~ /\[       OK \] .* \([0-9]+ ms\)$/ { report(case_name(line), "passed") }
line ~ /\[  SKIPPED \] .* \([0-9]+ ms\)$/ { report(case_name(line), "skipped") }
line ~ /\[  FAILED  \] .* \([0-9]+ ms\)$/ { report(case_name(line), "failed") }

function case_name(text) {
  sub(/.*\] /, "", text)
  sub(/,? .*/, "", text)
  return text
}

END {
  finish_entry()
  if (list != "") printf "skipped:\n%s", list
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}
