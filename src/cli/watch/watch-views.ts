import { canRedraw, createLiveScreen } from '../live-screen.ts';
import type { Terminal } from '../terminal.ts';
import { plainLines } from './plain-lines.ts';
import { screenLines } from './screen-lines.ts';
import { tickValue } from './tick-value.ts';
import type { WatchTick, WatchView } from './watch-tick.ts';

/** The screen in a terminal, values with `--json`, lines anywhere else. */
export function openWatchView(terminal: Terminal): WatchView & { readonly live: boolean } {
  if (terminal.json) return { live: false, show: (tick) => terminal.value(tickValue(tick)), end: () => {} };
  return canRedraw(process.stdout) ? openScreenView(terminal) : openPlainView(terminal);
}

function openScreenView(terminal: Terminal): WatchView & { readonly live: boolean } {
  const stream = process.stdout;
  let latest: WatchTick | undefined;
  const draw = (): void => {
    if (latest === undefined) return;
    // As much as the live screen shows without a cut.
    const size = { columns: (stream.columns || 80) - 1, rows: (stream.rows || 24) - 1 };
    screen.draw(screenLines(latest, size, terminal.style));
  };
  const screen = createLiveScreen(stream, draw);
  return {
    live: true,
    show(tick) {
      latest = tick;
      draw();
    },
    end() {
      screen.end();
    },
  };
}

function openPlainView(terminal: Terminal): WatchView & { readonly live: boolean } {
  let before: WatchTick | undefined;
  return {
    live: false,
    show(tick) {
      for (const line of plainLines(tick, before)) terminal.line(line);
      before = tick;
    },
    end: () => {},
  };
}
