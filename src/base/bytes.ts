/**
 * File names are bytes: not every name is UTF-8. Inside TEES a name or a path is a `ByteString`, a string
 * in which each character is one byte (latin1). It compares, hashes and sorts in byte order, and turns into
 * what the kernel takes by `toBuffer`, and into what a person reads by `display`.
 */
declare const byteBrand: unique symbol;
export type ByteString = string & { readonly [byteBrand]: true };

/** The bytes of a Buffer, as read from the kernel. */
export function fromBuffer(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString;
}

/** An ordinary string (UTF-8 text typed by a person, or a constant). */
export function fromText(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1') as ByteString;
}

/** The bytes for a system call. */
export function toBuffer(name: ByteString): Buffer {
  return Buffer.from(name, 'latin1');
}

/** For messages: UTF-8 where it is UTF-8, `\xNN` for every other and for control characters. */
export function display(name: ByteString): string {
  const bytes = toBuffer(name);
  const text = bytes.toString('utf8');
  const faithful = Buffer.from(text, 'utf8').equals(bytes);
  const escape = (c: string): string => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0');
  return faithful ? text.replace(/[\x00-\x1f\x7f]/g, escape) : name.replace(/[^\x20-\x7e]/g, escape);
}
