/** A saved page: the widget's own code, on a model that finds all its answers in the page. */

import type { InitializeProps, RenderProps } from "../afm";
import type { Saved } from "./data";
import { createSavedModel } from "./model";

interface Widget {
  initialize(props: InitializeProps): unknown;
  render(props: RenderProps): unknown;
}

async function open(el: HTMLElement): Promise<void> {
  const saved = JSON.parse(document.getElementById("saved")?.textContent ?? "null") as Saved;
  const url = URL.createObjectURL(new Blob([saved.code.widget], { type: "text/javascript" }));
  const { default: widget } = (await import(/* @vite-ignore */ url)) as { default(): Widget };
  URL.revokeObjectURL(url);
  const model = createSavedModel(saved);
  const { initialize, render } = widget();
  initialize({ model });
  render({ model, el });
}

const place = document.getElementById("call");
if (place !== null) {
  open(place).catch((thrown: unknown) => {
    place.textContent = `This page cannot be shown here: ${thrown}`;
  });
}
