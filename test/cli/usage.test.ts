import { describe, expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/create-program.ts';
import { wrapHelp } from '../../src/cli/wrap-help.ts';
import { runCli } from './run-cli.ts';

/** Every command with its full name, groups included. */
function allCommands(): { name: string; command: Command }[] {
  const below = (parent: Command, prefix: string): { name: string; command: Command }[] =>
    parent.commands.flatMap((command) => {
      const name = `${prefix}${command.name()}`;
      return [{ name, command }, ...below(command, `${name} `)];
    });
  return below(
    createProgram(async () => undefined),
    '',
  );
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help;
}

const run = (...args: string[]) => runCli(args, { cwd: tmpdir() });

describe('help', () => {
  test.each(allCommands().map(({ name, command }) => [name, command] as const))(
    'of "%s" describes it and shows examples',
    (name, command) => {
      const help = helpOf(command);
      expect(help).toContain('Examples:');
      expect(help).toContain(`syncline ${name}`);
      expect(command.description()).not.toBe('');
    },
  );

  test('tells the exit codes and the environment, and ends with 0', async () => {
    const { code, stdout } = await run('--help');
    expect(stdout).toMatch(/3 +another worker holds the lease/);
    expect(stdout).toContain('SYNCLINE_EMBEDDING_API_KEY');
    expect(code).toBe(0);
  });

  test('fits into 80 columns: paragraphs are broken, and what examples do; commands are not', async () => {
    const { stdout } = await run('index', '--help');
    const long = stdout.split('\n').filter((line) => line.length > 80);
    expect(long.every((line) => line.startsWith('  syncline '))).toBe(true);
    const text =
      'Words of one\nparagraph that is long.\n\nExamples:\n  syncline do this      does it, and tells of it at length\n';
    expect(wrapHelp(text, 50)).toBe(
      'Words of one paragraph that is long.\n\nExamples:\n  syncline do this      does it, and tells of it\n                        at length\n',
    );
    expect(wrapHelp(text, 20)).toContain('Words of one\nparagraph that is\nlong.\n');
  });

  test('takes no secret as an option', () => {
    const flags = [
      createProgram(async () => undefined),
      ...allCommands().map(({ command }) => command),
    ].flatMap(({ options }) => options.map((option) => option.flags));
    // A document's key is none.
    const others = flags.filter((flag) => flag !== '--key <key>');
    expect(others.filter((flag) => /key|token[^s]|secret|password/i.test(flag))).toEqual([]);
  });
});

describe('wrong usage ends with 2', () => {
  test.each([
    [['serch', 'x'], "unknown command 'serch' (Did you mean search?)"],
    [['search', 'x', '--lmit', '3'], "unknown option '--lmit' (Did you mean --limit?)"],
    [['search', 'x', '--limit', '0'], 'Give a whole number from 1.'],
    [['search', 'x', '--mode', 'magic'], 'Allowed choices are hybrid, vector, text.'],
    [['search', 'x', '--filter', '{'], 'It is not valid JSON'],
    [['search', 'x', '-d', 'a/b', '-p', 'c'], 'cannot be used with'],
    [
      ['index', 'a/b', '--changed', 'foo'],
      'It names no records; give a table and ids, such as orders:1,2, or where several',
    ],
    [['search'], "missing required argument 'query'"],
    [['status', '--watch', 'site/docs'], 'the dataset stands before --watch'],
    [['dataset', 'create', 'a/b', '--field', 'price'], 'Give name:type, such as price:number.'],
    [['dataset', 'create', 'a/b', '--field', 'p:number', '--field', 'p:string'], 'is given twice'],
    [['dataset', 'list', '--project', 'a b'], 'INVALID_ADDRESS'],
    [['status', '--embedder', 'local', '--model', 'x'], 'INVALID_OPTION'],
  ] as const)('%j', async (args, told) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(/^syncline: [A-Z_]+: .+\n$/);
    expect(stderr).toContain(told);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('as a document with --json', async () => {
    const { code, stdout } = await run('search', 'x', '--nope', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', details: {} } });
    expect(code).toBe(2);
  });

  test('and shows the help when no command is given', async () => {
    const { code, stdout, stderr } = await run();
    expect(stderr).toStartWith('Usage: syncline');
    expect([code, stdout]).toEqual([2, '']);
  });
});
