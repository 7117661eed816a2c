/** What a script is made of: comments, strings and names (in which `;` means nothing), words, and single characters. */
const TOKEN = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|[a-z_]\w*|[\s\S]/gi;

/**
 * Splits a script into its statements, for servers that take one at a time. Comments before a statement stay with it.
 * Knows triggers (`create trigger … begin … end;`), whose body may hold `case … end`.
 */
export function splitSql(script: string): string[] {
  const statements: string[] = [];
  let words: string[] = [];
  let depth = 0;
  let text = '';
  for (const [token] of script.matchAll(TOKEN)) {
    text += token;
    const word = /^[a-z_]/i.test(token) ? token.toLowerCase() : undefined;
    if (word !== undefined) {
      words.push(word);
      const inTrigger = words[0] === 'create' && words.slice(1, 3).includes('trigger');
      if (inTrigger && (word === 'begin' || word === 'case')) depth += 1;
      if (inTrigger && word === 'end') depth -= 1;
    }
    if (token === ';' && depth === 0) {
      if (words.length > 0) statements.push(text.trim());
      words = [];
      text = '';
    }
  }
  if (words.length > 0) statements.push(text.trim());
  return statements;
}
