import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const PLACE = 'syncline-theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

/** What the reader chose; the system's choice by default. */
export const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(PLACE)) ?? 'system');

theme.subscribe((chosen) => {
  if (chosen === 'system') {
    localStorage.removeItem(PLACE);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(PLACE, chosen);
    document.documentElement.dataset.theme = chosen;
  }
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
}
