import type { ProbeView } from '../../loadtest/probe.ts';
import { canRedraw, createLiveScreen, type ScreenStream } from '../live-screen.ts';
import { progressLine, type ScreenFrame, screenLines } from './screen-lines.ts';

/** Shows how a load test goes. */
export interface ProgressView {
  show(view: ProbeView): void;
  /** Somebody has interrupted it: what is in flight is waited for. */
  stopping(): void;
  end(): void;
}

/** Sees nothing. */
export const NO_PROGRESS: ProgressView = { show: () => {}, stopping: () => {}, end: () => {} };

const STOPPING = 'stopping: waits 5 s at most for what is in flight; Ctrl-C again stops at once';
const LINE_EVERY_MS = 1_000;
const DEFAULT_COLUMNS = 80;

/** A screen where the stream is a terminal; elsewhere a line a second. */
export function openProgressView(stream: ScreenStream, frame: ScreenFrame, now: () => number): ProgressView {
  if (canRedraw(stream)) {
    const screen = createLiveScreen(stream);
    let note = '';
    return {
      show(view) {
        // The last column is left free.
        const columns = (stream.columns || DEFAULT_COLUMNS) - 1;
        screen.draw(screenLines(frame, view, now(), { columns, note }));
      },
      stopping() {
        note = STOPPING;
      },
      end: screen.end,
    };
  }
  let latest = Number.NEGATIVE_INFINITY;
  return {
    show(view) {
      const at = now();
      if (view.label === 'preflight' || (at - latest < LINE_EVERY_MS && !view.isOver)) return;
      latest = at;
      stream.write(`${progressLine(view, at)}\n`);
    },
    stopping: () => void stream.write(`${STOPPING}\n`),
    end: () => {},
  };
}
