/** The front-end module of the widget: `initialize` is the model's call, `render` one view of it. */

import type { InitializeProps, RenderProps } from "./afm";
import { createInstance } from "./instance";
import { createPair } from "./pair";
import type { Resident } from "./residents";

/** What stands behind one model: its own instance, or the one in this page that holds its call. */
interface Seat {
  resident: Resident;
  views: Map<HTMLElement, () => void>;
}

export default function widget() {
  const seats = new WeakMap<object, Seat>();
  // A host calls this function once a model and may wrap the model anew for every view: the last one is its.
  let latest: Seat | undefined;

  function initialize({ model, signal }: InitializeProps): () => void {
    // A widget of two recordings says so from its beginning; of all others the kernel tells.
    const instance =
      model.get("sides") === 2
        ? createPair(model)
        : createInstance(model, (other) => {
            if (seat.resident !== other) {
              seat.resident = other;
              for (const [el, unmount] of seat.views) {
                unmount();
                seat.views.set(el, other.mount(el));
              }
              instance.dispose();
              other.adopt(model);
            }
          });
    const seat: Seat = { resident: instance, views: new Map() };
    seats.set(model, seat);
    latest = seat;
    const dispose = () => {
      // An instance that talks through a newer model by now is no longer this one's to end.
      if (seat.resident.model() === model) {
        seat.resident.dispose();
      }
    };
    signal?.addEventListener("abort", dispose, { once: true });
    return dispose;
  }

  function render({ model, el, signal }: RenderProps): () => void {
    const seat = seats.get(model) ?? latest;
    if (seat === undefined) {
      return () => undefined;
    }
    seat.views.set(el, seat.resident.mount(el));
    const leave = () => {
      seat.views.get(el)?.();
      seat.views.delete(el);
    };
    signal?.addEventListener("abort", leave, { once: true });
    return leave;
  }

  return { initialize, render };
}
