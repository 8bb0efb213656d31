// Bundles the page into a directory: `node build.mjs [DIRECTORY]`. No source maps, no download.
//
// What is written: index.html, assets/ (names with a hash, so that browsers may keep them forever),
// favicon.svg, licenses.txt (of everything third-party in the bundle) and manifest.json.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = resolve(process.argv[2] ?? join(HERE, "../actors/outputs/web/static"));
const MOST_BYTES = 150_000;

const result = await build({
  absWorkingDir: HERE,
  entryPoints: { app: "src/main.tsx", theme: "src/theme-early.ts" },
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome109", "firefox115", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: "out",
  entryNames: "assets/[name]-[hash]",
  assetNames: "assets/[name]-[hash]",
  loader: { ".woff2": "file" },
  metafile: true,
  write: false,
  legalComments: "none",
  logLevel: "warning",
});

const written = [];

function put(name, contents) {
  const path = join(TARGET, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  const bytes = Buffer.from(contents);
  written.push({
    name,
    bytes: bytes.length,
    // Fonts are compressed already: nothing will make them smaller.
    gzip: name.endsWith(".woff2") ? bytes.length : gzipSync(bytes, { level: 9 }).length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
}

// Only what an earlier build wrote: a wrong argument must not empty somebody's directory.
const ours = /^(app|theme|inter)-[A-Za-z0-9-]+\.(js|css|woff2)$/;
try {
  for (const name of readdirSync(join(TARGET, "assets"))) {
    if (ours.test(name)) rmSync(join(TARGET, "assets", name));
  }
} catch {
  // There was no earlier build.
}

const names = {};
for (const file of result.outputFiles) {
  const name = relative(join(HERE, "out"), file.path).split(sep).join("/");
  const kind = /assets\/(app|theme|inter)[^/]*\.(js|css|woff2)$/.exec(name);
  if (!kind) throw new Error(`unexpected output: ${name}`);
  names[`${kind[1]}.${kind[2]}`] = name;
  put(name, file.contents);
}

let html = readFileSync(join(HERE, "src/index.html"), "utf8");
for (const [key, name] of Object.entries(names)) html = html.replaceAll(`{{${key}}}`, name);
if (html.includes("{{")) throw new Error("index.html names a file that was not built");
put("index.html", html);
put("favicon.svg", readFileSync(join(HERE, "src/favicon.svg")));
put("licenses.txt", licences());

written.sort((a, b) => (a.name < b.name ? -1 : 1));
const total = written.reduce((sum, file) => sum + file.gzip, 0);
writeFileSync(
  join(TARGET, "manifest.json"),
  `${JSON.stringify({ files: written, gzip_bytes: total }, null, 1)}\n`,
);
for (const file of written) {
  console.log(`${file.name.padEnd(36)} ${String(file.gzip).padStart(7)} B compressed`);
}
console.log(`${"total".padEnd(36)} ${String(total).padStart(7)} B compressed`);
if (total > MOST_BYTES) throw new Error(`too large: ${total} B compressed, limit ${MOST_BYTES} B`);

/** Returns the licence texts of every package with a byte in the bundle. */
function licences() {
  const packages = new Set();
  for (const input of Object.keys(result.metafile.inputs)) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const parts = [...packages].sort().map((path) => {
    const directory = join(HERE, path);
    const about = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name));
    if (!file) throw new Error(`${about.name} has no licence file`);
    const text = readFileSync(join(directory, file), "utf8").trim();
    return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
  });
  return `Third-party software in this page, with its licences.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}`;
}
