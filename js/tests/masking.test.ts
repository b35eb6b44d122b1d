import { describe, expect, it } from "vitest";
import { masked } from "../src/masking";

const update = (tool: object) => ({ type: "session.update", session: { tools: [{ type: "mcp", ...tool }] } });

describe("an event on its way into the log", () => {
  it("shows no key of an MCP server", () => {
    const text = masked(JSON.stringify(update({ authorization: "canary", headers: { "X-Key": "canary" } })));
    expect(JSON.parse(text)).toEqual(update({ authorization: "***", headers: { "X-Key": "***" } }));
  });

  it("stays as it is without one", () => {
    const texts = [JSON.stringify(update({}), null, 1), '{"type": "x",  "authorization": 1}', '{"type": "mcp", '];
    expect(texts.map(masked)).toEqual(texts);
  });
});
