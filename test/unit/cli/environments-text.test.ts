import test from 'ava';
import { environmentsText } from '../../../src/cli/environments-text.js';

test('who has none is told how to get one', (t) => {
  t.is(environmentsText([], 0), 'You have no environment yet: tees shell makes one.\n');
});

test('each has a line', (t) => {
  const text = environmentsText(
    [
      { name: 'default', state: 'running', since: 1000 },
      { name: 'old', state: 'stopped' },
    ],
    1090,
  );
  t.regex(text, /^default {2}running for \S.*\nold {6}stopped\n$/);
});
