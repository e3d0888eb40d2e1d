/** Where prepared layers and downloaded packages lie: below build/, which is not part of the source. */
export function layerDirectories(name: string): { directory: string; cacheDirectory: string } {
  const build = new URL('../../', import.meta.url).pathname;
  return { directory: `${build}layers/${name}`, cacheDirectory: `${build}layers/packages` };
}
