/** Whether a call can be seen in the document: with no view left it shows a pill, and ends itself after a while. */

const LOOK_EVERY_MS = 1000;
export const UNSEEN_AT_MOST_MS = 10 * 60 * 1000;

export interface PresencePorts {
  /** No view of the live call is in the document any more, or one is again. */
  unseen(unseen: boolean): void;
  /** Nobody has seen it for ten minutes. */
  expired(): void;
}

export interface Presence {
  attach(element: Element): () => void;
  /** How many views are in the document. */
  count(): number;
  /** Watch while a call is up. */
  watch(on: boolean): void;
}

export function createPresence(ports: PresencePorts): Presence {
  const views = new Set<Element>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let unseenSince: number | null = null;

  const count = () => [...views].filter((view) => view.isConnected).length;

  /** A host may detach a view that scrolled away without telling anybody: ask the document. */
  function look(): void {
    const seen = count() > 0;
    if (seen !== (unseenSince === null)) {
      unseenSince = seen ? null : performance.now();
      ports.unseen(!seen);
    }
    if (unseenSince !== null && performance.now() - unseenSince >= UNSEEN_AT_MOST_MS) {
      ports.expired();
    }
  }

  return {
    attach(element) {
      views.add(element);
      return () => {
        views.delete(element);
      };
    },

    count,

    watch(on) {
      clearInterval(timer);
      timer = on ? setInterval(look, LOOK_EVERY_MS) : undefined;
      if (!on && unseenSince !== null) {
        unseenSince = null;
        ports.unseen(false);
      }
    },
  };
}
