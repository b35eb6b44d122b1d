import { describe, expect, it } from "vitest";
import { masked } from "../src/masking";

const update = (tool: object) => ({ type: "session.update", session: { tools: [{ type: "mcp", ...tool }] } });

describe("an event on its way into the log", () => {
  it("shows no key of an MCP server", () => {
    const text = masked(JSON.stringify(update({ authorization: "canary", headers: { "X-Key": "canary" } })));
    expect(JSON.parse(text)).toEqual(update({ authorization: "***", headers: { "X-Key": "***" } }));
  });

  it("shows no user of an address, nor what its query holds", () => {
    const urls = {
      "https://user:canary@a.com/mcp": "https://***@a.com/mcp",
      "https://a.com/mcp?api_key=canary&team=5#canary": "https://a.com/mcp?api_key=***&team=***#***",
      "https://a.com/?canary": "https://a.com/?***",
      "https://a.com/mcp": "https://a.com/mcp",
    };
    for (const [url, shown] of Object.entries(urls)) {
      const text = masked(JSON.stringify(update({ server_url: url })));
      expect(JSON.parse(text)).toEqual(update({ server_url: shown }));
      expect(masked(text)).toBe(text);
    }
  });

  it("shows no client secret", () => {
    const session = (client_secret: unknown) => JSON.stringify({ type: "session.created", session: { client_secret } });
    expect(masked(session({ value: "canary", expires_at: 1 }))).toBe(session({ value: "***", expires_at: 1 }));
    expect(masked(session("canary"))).toBe(session("***"));
    expect(masked(session({ type: "string" }))).toBe(session({ type: "string" }));
  });

  it("stays as it is without one", () => {
    const texts = [JSON.stringify(update({}), null, 1), '{"type": "x",  "authorization": 1}', '{"type": "mcp", '];
    expect(texts.map(masked)).toEqual(texts);
  });
});
