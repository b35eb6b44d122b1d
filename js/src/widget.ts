/** The front-end module of the widget: `initialize` is the model's call, `render` one view of it. */

import type { InitializeProps, RenderProps } from "./afm";
import { createInstance, type Instance } from "./instance";
import { mountPanel } from "./views/panel";

export default function widget() {
  const instances = new WeakMap<object, Instance>();
  // A host calls this function once a model and may wrap the model anew for every view: the last one is its.
  let latest: Instance | undefined;

  function initialize({ model, signal }: InitializeProps): () => void {
    const instance = createInstance(model);
    instances.set(model, instance);
    latest = instance;
    let disposed = false;
    const dispose = () => {
      if (!disposed) {
        disposed = true;
        instance.dispose();
      }
    };
    signal?.addEventListener("abort", dispose);
    return dispose;
  }

  function render({ model, el, signal }: RenderProps): () => void {
    const instance = instances.get(model) ?? latest;
    if (instance === undefined) {
      return () => undefined;
    }
    const unmount = mountPanel(instance, el);
    signal?.addEventListener("abort", unmount);
    return unmount;
  }

  return { initialize, render };
}
