// Counts what a TAP log of ava says, prints the one line continuous integration reads, and exits with the verdict.
// Usage: ci-summary.mjs LOG TESTS_STATUS LINT_STATUS
// Counted are the result lines, not ava's closing summary: a run that dies has no summary.
import { readFileSync } from 'node:fs';

const [logFile, testsStatus, lintStatus] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
let complete = false;

for (const line of readFileSync(logFile, 'utf8').split('\n')) {
  const result = /^(not )?ok \d+ - .*?(# (?:SKIP|TODO).*)?$/i.exec(line);
  if (/^1\.\.\d+$/.test(line)) complete = true;
  if (!result) continue;
  if (result[2]) skipped += 1;
  else if (result[1]) failed += 1;
  else passed += 1;
}

// Whatever went wrong beside a test (set-up, time-out, a crash, no test at all) must show in the count.
if (failed === 0 && (testsStatus !== '0' || !complete || passed === 0)) failed += 1;
if (lintStatus !== '0') failed += 1;

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
