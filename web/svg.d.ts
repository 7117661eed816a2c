/** Imported as a file: its address, seen from the script. */
declare module '*.svg' {
  const address: string;
  // biome-ignore lint/style/noDefaultExport: bundlers give it under no name
  export default address;
}
