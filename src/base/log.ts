/** Logs with levels, a line each, to standard error. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export interface Log {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

export function createLog(
  name: string,
  level: LogLevel,
  write = (line: string) => void process.stderr.write(line),
): Log {
  const enabled = LEVELS.indexOf(level);
  const at = (wanted: LogLevel) => (message: string) => {
    if (LEVELS.indexOf(wanted) <= enabled)
      write(`${new Date().toISOString()} ${name} ${wanted}: ${message}\n`);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

export function isLogLevel(text: string): text is LogLevel {
  return (LEVELS as readonly string[]).includes(text);
}

/** The same log, for what is all about one thing. */
export function prefixed(log: Log, prefix: string): Log {
  return {
    error: (text) => log.error(prefix + text),
    warn: (text) => log.warn(prefix + text),
    info: (text) => log.info(prefix + text),
    debug: (text) => log.debug(prefix + text),
  };
}
