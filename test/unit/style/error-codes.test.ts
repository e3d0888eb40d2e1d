import test from 'ava';
import ts from 'typescript';
import { read, trackedFiles } from './sources.js';

const PAGE = 'docs/operations.md';

const files = trackedFiles();
const inCheckout = files ? test : test.skip;
const where = files ? '' : ' (skipped: not a git checkout)';
const sources = (files ?? []).filter((file) => /^src\/.*\.ts$/.test(file));
/** They tell their users themselves. */
const programs = (files ?? []).filter((file) => /^native\/environment\/.*\.c$/.test(file));

/** Which argument of which call is an error's code. */
const CODE_ARGUMENT = new Map([
  ['TeesError', 0],
  ['usageError', 0],
  ['TeesError.from', 1],
]);

/** Codes written out in the argument, in both branches of a choice too. */
function codesOf(text: string): string[] {
  const codes: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const position = CODE_ARGUMENT.get(node.expression.getText(source));
      const argument = position === undefined ? undefined : node.arguments?.[position];
      if (argument) codes.push(...literalsOf(argument));
    }
    ts.forEachChild(node, visit);
  };
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest);
  visit(source);
  return codes;
}

function literalsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteral(node)) return [node.text];
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
  return [];
}

/** In the calls that tell errors, and where one is written out. */
function codesOfProgram(text: string): string[] {
  return [...text.matchAll(/(?:refuse\(|give_up\([^"]*|"error", )"([A-Z_]+)"/g)].map((match) => match[1]!);
}

/** First cells of the page's tables. */
function codesOfPage(page: string): string[] {
  return [...page.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \|/gm)].map((match) => match[1]!);
}

test('codes are found in every form that makes an error', (t) => {
  const text = `throw usageError(a ? 'A' : 'B', 'C'); new TeesError('D', x); TeesError.from(e, 'E', {}); f('F');`;
  t.deepEqual(codesOf(text), ['A', 'B', 'D', 'E']);
});

inCheckout(`every error code of src stands in ${PAGE}, and no other${where}`, (t) => {
  const inPrograms = programs.flatMap((file) => codesOfProgram(read(file)));
  t.true(inPrograms.length > 10);
  const inSource = [...new Set([...sources.flatMap((file) => codesOf(read(file))), ...inPrograms])].sort();
  t.true(inSource.length > 50);
  t.deepEqual(codesOfPage(read(PAGE)).sort(), inSource);
});
