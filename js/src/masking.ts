/** Keys of MCP servers never enter the log: the page's end of `rtc_widget/log/masking.py`. */

import { isFields } from "./messages";

const MASK = "***";

/** The text of an event, with the secrets of MCP tools in it masked; any other as it is. */
export function masked(text: string): string {
  if (!text.includes('"mcp"')) {
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
  if (value.type === "mcp") {
    if (value.authorization !== undefined && value.authorization !== null && value.authorization !== MASK) {
      value.authorization = MASK;
      found = true;
    }
    const { headers } = value;
    if (isFields(headers) && Object.values(headers).some((one) => one !== MASK)) {
      value.headers = Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));
      found = true;
    }
  }
  return found;
}
