// Bundles src/ into the files that the Python package carries: the widget, its style, and what it loads later.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "rtc_widget", "static");
mkdirSync(target, { recursive: true });

const shared = {
  bundle: true,
  minify: true,
  logLevel: "warning",
  target: ["es2022"],
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
};

const widget = {
  ...shared,
  entryPoints: [join(here, "src", "widget.ts")],
  outfile: join(target, "widget.js"),
  format: "esm",
  platform: "browser",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
};

if (process.argv.includes("--shares")) {
  // What each dependency weighs in the widget, in bytes before gzip; `make bench` prints it.
  const { metafile } = await build({ ...widget, metafile: true, write: false });
  const shares = {};
  for (const [path, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) {
    const inside = path.split("node_modules/")[1];
    const name = inside?.split("/", inside.startsWith("@") ? 2 : 1).join("/") ?? "rtc_widget";
    shares[name] = (shares[name] ?? 0) + bytesInOutput;
  }
  console.log(JSON.stringify(shares));
  process.exit();
}

// Every notebook that shows a widget carries this file: a second look takes some more of it. Functions stay where
// they stand: put in where they are called once they are fewer characters, but more when compressed.
const { outputFiles } = await build({ ...widget, write: false });
const terse = await minify(outputFiles[0].text, {
  ecma: 2022,
  module: true,
  compress: { passes: 2, reduce_funcs: false },
});
writeFileSync(widget.outfile, terse.code);
for (const later of [["waves.ts"], ["audio", "loopback.ts"]]) {
  await build({
    ...shared,
    entryPoints: [join(here, "src", ...later)],
    outfile: join(target, later.at(-1).replace(".ts", ".js")),
    format: "esm",
    platform: "browser",
    charset: "utf8",
  });
}
await build({
  ...shared,
  entryPoints: [join(here, "src", "saved", "page.ts")],
  outfile: join(target, "page.js"),
  format: "iife",
  platform: "browser",
});
await build({
  ...shared,
  entryPoints: [join(here, "src", "styles", "widget.css")],
  outfile: join(target, "widget.css"),
});

for (const name of ["widget.js", "waves.js", "loopback.js", "page.js", "widget.css"]) {
  const bytes = readFileSync(join(target, name));
  const place = relative(process.cwd(), join(target, name));
  console.log(`${place}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
