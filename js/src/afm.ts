/** What this widget uses of the host: the model of anywidget's front-end module (AFM). */

import type { Fields } from "./messages";

export type Listener = (message: unknown, buffers?: readonly (DataView | ArrayBuffer)[]) => void;

export interface Model {
  get(name: string): unknown;
  on(name: string, listener: Listener): void;
  off(name: string, listener: Listener): void;
  send(content: Fields, callbacks?: undefined, buffers?: ArrayBuffer[]): unknown;
}

export interface InitializeProps {
  model: Model;
  signal?: AbortSignal;
}

export interface RenderProps {
  model: Model;
  el: HTMLElement;
  signal?: AbortSignal;
}
