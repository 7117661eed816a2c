/** SQL files are imported as text: `import sql from './x.sql' with { type: 'text' }` (Bun and Deno alike). */
declare module '*.sql' {
  const text: string;
  export = text;
}
