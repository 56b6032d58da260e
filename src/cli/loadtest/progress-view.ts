import type { ProbeView } from '../../loadtest/drive.ts';
import { canRedraw, createLiveScreen, type ScreenStream } from '../live-screen.ts';
import { progressLine, type ScreenFrame, screenLines } from './screen-lines.ts';

/** Shows how a load test goes. */
export interface ProgressView {
  show(view: ProbeView): void;
  end(): void;
}

/** Sees nothing. */
export const NO_PROGRESS: ProgressView = { show: () => {}, end: () => {} };

const LINE_EVERY_MS = 1_000;

/** A screen where the stream is a terminal; elsewhere a line a second. */
export function openProgressView(stream: ScreenStream, frame: ScreenFrame, now: () => number): ProgressView {
  if (canRedraw(stream)) {
    const screen = createLiveScreen(stream);
    return { show: (view) => screen.draw(screenLines(frame, view, now())), end: screen.end };
  }
  let latest = Number.NEGATIVE_INFINITY;
  return {
    show(view) {
      const at = now();
      if (view.label === 'preflight' || (at - latest < LINE_EVERY_MS && !view.isOver)) return;
      latest = at;
      stream.write(`${progressLine(view, at)}\n`);
    },
    end: () => {},
  };
}
