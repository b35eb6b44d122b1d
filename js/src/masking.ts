/** Keys never enter the log: the page's end of `rtc_widget/log/masking.py`, which knows some by themselves. */

import { type Fields, isFields } from "./messages";

const MASK = "***";
const IN_ADDRESS = /(\/\/)[^/?#\s]+(?=@)|([?&#](?:[^=&#\s]*=)?)[^&#\s]+/g;

/** The text of an event, with the secrets in it masked by their place; any other as it is. */
export function masked(text: string): string {
  if (!/"(mcp|client_secret)"/.test(text)) {
    return text;
  }
  try {
    const value: unknown = JSON.parse(text);
    return mask(value) ? JSON.stringify(value) : text;
  } catch {
    return text;
  }
}

/** Mask in place; tell whether there was anything to mask. */
function mask(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.map(mask).includes(true);
  }
  if (!isFields(value)) {
    return false;
  }
  let found = Object.values(value).map(mask).includes(true);
  const hide = (holder: Fields, name: string, shown: unknown = MASK) => {
    if (holder[name] !== shown) {
      holder[name] = shown;
      found = true;
    }
  };
  const { client_secret: secret, headers, server_url: url } = value;
  if (typeof secret === "string") {
    hide(value, "client_secret");
  } else if (isFields(secret) && typeof secret.value === "string") {
    hide(secret, "value");
  }
  if (value.type === "mcp") {
    if (value.authorization !== undefined && value.authorization !== null) {
      hide(value, "authorization");
    }
    if (isFields(headers)) {
      for (const name in headers) {
        hide(headers, name);
      }
    }
    if (typeof url === "string") {
      hide(value, "server_url", url.replace(IN_ADDRESS, `$1$2${MASK}`));
    }
  }
  return found;
}
