/** Two recordings on one time axis: a panel each, one place in time, and one of them to be heard. */

import { effect, untracked } from "@preact/signals";
import type { Model } from "./afm";
import { createAxis } from "./axis";
import { createInstance, type Instance } from "./instance";
import type { Resident } from "./residents";

/** The kernel's end answers for both recordings; `side` says whose panel asks. */
function sideOf(model: Model, side: number): Model {
  return {
    get: (name) => model.get(name),
    on: (name, listener) => model.on(name, listener),
    off: (name, listener) => model.off(name, listener),
    send: (content, callbacks, buffers) => model.send({ ...content, side }, callbacks, buffers),
  };
}

export interface Pair extends Resident {
  instances: readonly [Instance, Instance];
}

export function createPair(first: Model): Pair {
  let model = first;
  const axis = createAxis();
  const make = (side: number) => createInstance(sideOf(model, side), undefined, { axis, opens: "timeline" });
  const instances = [make(0), make(1)] as const;
  const stops = ([instances, [instances[1], instances[0]]] as const).flatMap(([one, other]) => [
    // Who wants to hear one of them leaves the other, at the same place.
    effect(() => {
      if (one.pieces.playing.value) {
        untracked(other.pieces.stop);
      }
    }),
    effect(() => {
      const place_ms = one.pieces.place_ms.value;
      untracked(() => {
        if (!other.pieces.playing.peek() && other.pieces.place_ms.peek() !== place_ms) {
          other.replay.go(place_ms);
        }
      });
    }),
  ]);
  return {
    instances,

    mount(el) {
      const unmounts = instances.map((instance) => {
        const part = el.appendChild(document.createElement("div"));
        const unmount = instance.mount(part);
        return () => {
          unmount();
          part.remove();
        };
      });
      return () => {
        for (const unmount of unmounts) {
          unmount();
        }
      };
    },

    model: () => model,

    adopt(next) {
      model = next;
      instances.forEach((instance, side) => {
        instance.adopt(sideOf(next, side));
      });
    },

    dispose() {
      for (const stop of stops) {
        stop();
      }
      for (const instance of instances) {
        instance.dispose();
      }
    },
  };
}
