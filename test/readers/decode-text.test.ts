import { describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { decodeText } from '../../src/readers/decode-text.ts';

const TEXTS = {
  german: 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n',
  polish: 'Pchnąć w tę łódź jeża lub ośm skrzyń fig. Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni.\n',
  russian:
    'Москва является столицей России. Это самый большой город страны, в нём живут миллионы человек. Первое упоминание о городе относится к 1147 году.\n',
  greek: 'Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.\n',
  japanese:
    '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた事だけは記憶している。\n',
  chinese:
    '道可道，非常道。名可名，非常名。无名天地之始；有名万物之母。故常无欲，以观其妙；常有欲，以观其徼。\n',
  korean: '모든 국민은 인간으로서의 존엄과 가치를 가지며, 행복을 추구할 권리를 가진다.\n',
} as const;

function encode(text: string, encoding: string): Uint8Array {
  const { status, stdout } = spawnSync('iconv', ['-f', 'utf-8', '-t', encoding], { input: text });
  if (status !== 0) throw new Error(`iconv cannot write ${encoding}`);
  return new Uint8Array(stdout);
}

describe('bytes of a text', () => {
  test.each([
    ['german', 'iso-8859-1', 'windows-1252'],
    ['german', 'cp1252', 'windows-1252'],
    ['polish', 'cp1250', 'windows-1250'],
    ['polish', 'iso-8859-2', 'iso-8859-2'],
    ['russian', 'cp1251', 'windows-1251'],
    ['russian', 'koi8-r', 'koi8-r'],
    ['greek', 'iso-8859-7', 'iso-8859-7'],
    ['japanese', 'shift_jis', 'shift_jis'],
    ['japanese', 'euc-jp', 'euc-jp'],
    ['chinese', 'gbk', 'gb18030'],
    ['korean', 'euc-kr', 'euc-kr'],
    ['german', 'utf-16le', 'utf-16le'],
    ['german', 'utf-16be', 'utf-16be'],
    ['japanese', 'utf-16le', 'utf-16le'],
    ['japanese', 'utf-16be', 'utf-16be'],
    ['chinese', 'utf-8', 'utf-8'],
  ] as const)('in %s are read whether they are in %s', (language, encoding, label) => {
    const text = TEXTS[language];
    expect(decodeText(encode(text, encoding))).toEqual({ text, encoding: label });
  });

  test('keep every character behind a long beginning in ASCII', () => {
    const text = `${'plain words and more of them\n'.repeat(5_000)}${TEXTS.russian}`;
    expect(decodeText(encode(text, 'cp1251'))).toEqual({ text, encoding: 'windows-1251' });
  });

  test('with a single accent are taken for what most such files are', () => {
    expect(decodeText(Buffer.from('café', 'latin1'))).toEqual({ text: 'café', encoding: 'windows-1252' });
  });

  test('may be none at all', () => {
    expect(decodeText(new Uint8Array())).toEqual({ text: '', encoding: 'utf-8' });
  });
});

describe('bytes that are no text', () => {
  const image = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
  test.each([
    ['an image', image],
    ['an archive', gzipSync(TEXTS.german.repeat(100))],
    ['control characters', Uint8Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? 0xe9 : 0x03))],
    ['zero bytes', Buffer.from('text\0text\0text')],
  ])('are told apart: %s', (_, bytes) => {
    expect(decodeText(bytes)).toMatchObject({ isBinary: true });
  });
});
