import { describe, expect, it } from "vitest";
import type { WireRecord } from "../src/messages";
import { asLine } from "../src/save";

const line = (text: string): Record<string, unknown> => {
  const written = asLine(["server", 1700000000000.25, text] satisfies WireRecord);
  expect(written.endsWith("\n")).toBe(true);
  expect(written.trimEnd()).not.toContain("\n");
  return JSON.parse(written) as Record<string, unknown>;
};

describe("a record that is saved by the page", () => {
  it("keeps its event as it came, number for number and escape for escape", () => {
    const text = '{ "type":"x", "n":1.50e3, "s":"\\u00e9 é" }';
    expect(asLine(["client", 1.5, text])).toBe(`{"direction":"client","t_browser_ms":1.5,"event":${text}}\n`);
    expect(line(text).t_browser_ms).toBe(1700000000000.25);
  });

  it.each(['{\n"type": "x"}', "no JSON", "[1]", ""])(
    "is one line, as a string where %j would not fit into one",
    (text) => {
      expect(line(text).text).toBe(text);
    },
  );
});
