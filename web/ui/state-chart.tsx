import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CHARTS } from '../charts/charts.ts';

/** What was taken last: another object each time, also over the same edges. */
export interface Trace {
  readonly edgeIds: readonly string[];
}

/** Smaller, the letters are not read any more: the picture is scrolled instead. */
const SCALE_MIN = 0.7;
const SCALE_STEP = 1.25;
const SCALES = { least: 0.2, most: 2 } as const;

/** The picture of a machine, with the states lit that are active, and the edges that were taken last. */
export function StateChart({
  machine,
  activeIds,
  trace,
}: {
  readonly machine: string;
  readonly activeIds: readonly string[];
  readonly trace: Trace | undefined;
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const svg = useSignal<SVGSVGElement | undefined>(undefined);
  const problem = useSignal(false);
  const scale = useSignal(1);
  const isFollowing = useSignal(true);

  useEffect(() => {
    svg.value = undefined;
    problem.value = false;
    let isGone = false;
    loadChart(machine)
      .then((picture) => {
        if (isGone || frame.current === null) return;
        frame.current.replaceChildren(picture);
        scale.value = fitting(picture, frame.current);
        svg.value = picture;
      })
      .catch(() => {
        problem.value = true;
      });
    return () => {
      isGone = true;
    };
  }, [machine]);

  useEffect(() => {
    if (svg.value !== undefined) resize(svg.value, scale.value);
  }, [svg.value, scale.value]);

  const active = activeIds.join(' ');
  useEffect(() => {
    if (svg.value === undefined) return;
    light(svg.value, new Set(activeIds));
    if (isFollowing.value && frame.current !== null) follow(svg.value, frame.current);
  }, [svg.value, active, scale.value, isFollowing.value]);

  useEffect(() => {
    if (svg.value !== undefined) mark(svg.value, trace?.edgeIds ?? []);
  }, [svg.value, trace]);

  const zoom = (factor: number): void => {
    scale.value = Math.min(SCALES.most, Math.max(SCALES.least, scale.value * factor));
  };
  const fit = (): void => {
    if (svg.value !== undefined && frame.current !== null) scale.value = whole(svg.value, frame.current);
  };
  return (
    <div class="chart-box">
      <div class="chart-tools">
        <button type="button" class="button" aria-label="Smaller" onClick={() => zoom(1 / SCALE_STEP)}>
          −
        </button>
        <button type="button" class="button" aria-label="Larger" onClick={() => zoom(SCALE_STEP)}>
          +
        </button>
        <button type="button" class="button" onClick={fit}>
          Fit
        </button>
        <label>
          <input
            type="checkbox"
            checked={isFollowing.value}
            onChange={({ currentTarget }) => {
              isFollowing.value = currentTarget.checked;
            }}
          />{' '}
          Follow
        </label>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it with the keyboard */}
      <section class="chart-frame" ref={frame} tabIndex={0} aria-label={`The machine ${machine}`} />
      {problem.value && <p class="problem">The picture could not be loaded.</p>}
    </div>
  );
}

const loaded = new Map<string, Promise<string>>();

/** Read once; each time a picture of its own. */
async function loadChart(machine: string): Promise<SVGSVGElement> {
  const address = CHARTS[machine];
  if (address === undefined) throw new Error(`There is no picture of ${machine}.`);
  const text = loaded.get(machine) ?? readText(new URL(address, import.meta.url));
  loaded.set(machine, text);
  text.catch(() => loaded.delete(machine));
  const parsed = new DOMParser().parseFromString(await text, 'image/svg+xml');
  return document.importNode(parsed.documentElement, true) as unknown as SVGSVGElement;
}

async function readText(address: URL): Promise<string> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`Status ${response.status}`);
  return response.text();
}

function baseWidth(svg: SVGSVGElement): number {
  return svg.viewBox.baseVal.width;
}

/** As wide as there is room, as far as it can still be read. */
function fitting(svg: SVGSVGElement, frame: HTMLElement): number {
  return Math.min(1, Math.max(SCALE_MIN, frame.clientWidth / baseWidth(svg)));
}

/** All of it at once: as large as the frame may become. */
function whole(svg: SVGSVGElement, frame: HTMLElement): number {
  const { width, height } = svg.viewBox.baseVal;
  const heightMax = Number.parseFloat(getComputedStyle(frame).maxHeight);
  return Math.min(frame.clientWidth / width, heightMax / height);
}

function resize(svg: SVGSVGElement, scale: number): void {
  const { width, height } = svg.viewBox.baseVal;
  svg.setAttribute('width', String(Math.round(width * scale)));
  svg.setAttribute('height', String(Math.round(height * scale)));
}

function light(svg: SVGSVGElement, active: ReadonlySet<string>): void {
  for (const state of svg.querySelectorAll('.state'))
    state.classList.toggle('active', active.has(state.id.replace(/^st-/, '')));
}

function mark(svg: SVGSVGElement, edgeIds: readonly string[]): void {
  const taken = new Set(edgeIds);
  for (const part of svg.querySelectorAll('[data-edges]')) {
    const ids = part.getAttribute('data-edges')?.split(' ') ?? [];
    part.classList.toggle(
      'taken',
      ids.some((id) => taken.has(id)),
    );
  }
}

/** Scrolls what is active into sight, where it is not. */
function follow(svg: SVGSVGElement, frame: HTMLElement): void {
  const innermost = [...svg.querySelectorAll('.state.active.inner')];
  const boxes = innermost.map((state) => state.getBoundingClientRect());
  if (boxes.length === 0) return;
  const view = frame.getBoundingClientRect();
  const left = Math.min(...boxes.map((box) => box.left)) - view.left;
  const right = Math.max(...boxes.map((box) => box.right)) - view.left;
  const top = Math.min(...boxes.map((box) => box.top)) - view.top;
  const bottom = Math.max(...boxes.map((box) => box.bottom)) - view.top;
  const isSeen = left >= 0 && top >= 0 && right <= view.width && bottom <= view.height;
  if (isSeen) return;
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  frame.scrollTo({
    left: frame.scrollLeft + (left + right - view.width) / 2,
    top: frame.scrollTop + (top + bottom - view.height) / 2,
    behavior: isCalm ? 'instant' : 'smooth',
  });
}
