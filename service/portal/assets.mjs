// Builds what the pages link to: our sources and the parts of USWDS that they use, under content-hashed names.
// No dependency but the USWDS package; no network. Called by `make setup`.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const uswds = join(here, "../../node_modules/@uswds/uswds/dist");
const source = join(here, "static/src");
const target = join(here, "static/assets");

// Blocks of USWDS that may stand in a page; whoever uses another adds it here.
const BLOCKS = new Set(
  `usa-alert usa-banner usa-button usa-card usa-checkbox usa-checklist usa-current usa-error-message usa-fieldset
   usa-form-group usa-hint usa-icon usa-input usa-label usa-legend usa-link usa-list usa-radio usa-select usa-sidenav
   usa-skipnav usa-sr-only usa-table usa-tag usa-textarea`.split(/\s+/),
);
const FONTS = ["Regular", "SemiBold", "Bold"];
const PICTURES = ["correct8.svg", "checkbox-indeterminate.svg"];

const text = (path) => readFileSync(path, "utf8");
const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  );

const manifest = { files: {}, icons: [] };
mkdirSync(target, { recursive: true });

function put(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const dot = name.lastIndexOf(".");
  const hashed = `${name.slice(0, dot)}.${hash}${name.slice(dot)}`;
  writeFileSync(join(target, hashed), content);
  manifest.files[name] = hashed;
  return hashed;
}

// ---- style: USWDS without what no page uses, then ours ----
// The minified file is blocks and nested @media; a rule stays if every class in one of its selectors is of a block above.
function isUsed(selector) {
  const classes = [...selector.matchAll(/\.(-?[A-Za-z_][\w-]*)/g)].map((found) => found[1]);
  return classes.every((name) => BLOCKS.has(name.split("__")[0].split("--")[0]));
}

function splitSelectors(selectors) {
  const out = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < selectors.length; at += 1) {
    if (selectors[at] === "(" || selectors[at] === "[") depth += 1;
    else if (selectors[at] === ")" || selectors[at] === "]") depth -= 1;
    else if (selectors[at] === "," && depth === 0) {
      out.push(selectors.slice(start, at));
      start = at + 1;
    }
  }
  return [...out, selectors.slice(start)];
}

function endOfBlock(css, open) {
  let depth = 0;
  for (let at = open; at < css.length; at += 1) {
    if (css[at] === '"' || css[at] === "'") at = css.indexOf(css[at], at + 1);
    else if (css[at] === "{") depth += 1;
    else if (css[at] === "}" && (depth -= 1) === 0) return at;
  }
  throw new Error("a block of the style sheet does not end");
}

// Of USWDS's pictures only the marks of check boxes are kept: the pages show icons from the sprite.
function withOurPictures(declaration) {
  if (!declaration.includes("url(")) return declaration;
  const known = PICTURES.find((name) => declaration.includes(`/${name})`));
  return known && declaration.startsWith("background-image:") ? `background-image:url(${manifest.files[known]})` : "";
}

function prune(css) {
  let out = "";
  let at = 0;
  while (at < css.length) {
    const open = css.indexOf("{", at);
    const semicolon = css.indexOf(";", at);
    if (semicolon >= 0 && (open < 0 || semicolon < open)) {
      at = semicolon + 1; // @charset, @import, @layer names: none is needed
      continue;
    }
    if (open < 0) break;
    const head = css.slice(at, open).trim();
    const end = endOfBlock(css, open);
    const body = css.slice(open + 1, end);
    if (head.startsWith("@media") || (head.startsWith("@supports") && !head.includes("mask:"))) {
      const inner = prune(body);
      if (inner) out += `${head}{${inner}}`;
    } else if (!head.startsWith("@")) {
      const kept = splitSelectors(head).filter(isUsed);
      const declarations = body.split(";").map(withOurPictures).filter(Boolean).join(";");
      if (kept.length && declarations) out += `${kept.join(",")}{${declarations}}`;
    }
    at = end + 1;
  }
  return out;
}

// Our sheets hold no text with such signs in it.
const shorten = (css) =>
  css
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};]) ?/g, "$1")
    .replace(/([:,]) /g, "$1")
    .replaceAll(";}", "}")
    .replaceAll("}", "}\n");
const sheets = readdirSync(source).filter((name) => name.endsWith(".css") && name !== "app.css");
let style = ["app.css", ...sheets.sort()].map((name) => text(join(source, name))).join("");
for (const name of PICTURES) put(name, readFileSync(join(uswds, "img", name)));
for (const weight of FONTS) {
  const file = `PublicSans-${weight}.woff2`;
  const hashed = put(file, readFileSync(join(uswds, "fonts/public-sans", file)));
  style = style.replaceAll(`uswds/fonts/public-sans/${file}`, hashed);
}
const bare = text(join(uswds, "css/uswds.min.css")).replace(/\/\*[\s\S]*?\*\//g, "");
put("uswds.css", prune(bare));
put("app.css", shorten(style));

// ---- icons: one sprite of those that a page names ----
const templates = walk(join(here, "templates")).filter((path) => path.endsWith(".html")).map(text).join("\n");
const scripts = readdirSync(source).filter((name) => name.endsWith(".js"));
const named = new Set([...text(join(source, "icons.txt")).split(/\s+/).filter(Boolean)]);
for (const found of `${templates}\n${scripts.map((name) => text(join(source, name))).join("\n")}`.matchAll(
  /\bicon\(\s*["']([\w-]+)["']/g,
)) named.add(found[1]);
const symbols = new Map();
for (const path of [join(uswds, "img/sprite.svg"), join(source, "icons.svg")]) {
  for (const found of text(path).matchAll(/<symbol\b[^>]*\bid="([\w-]+)"[\s\S]*?<\/symbol>/g)) symbols.set(found[1], found[0]);
}
for (const name of named) {
  if (!symbols.has(name)) throw new Error(`no icon of the name ${name}`);
}
manifest.icons = [...named].sort();
put("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${manifest.icons.map((name) => symbols.get(name)).join("")}</svg>\n`);

for (const name of readdirSync(join(source, "help"))) put(`help-${name}`, readFileSync(join(source, "help", name)));
for (const name of ["mark.svg", "mark-dark.svg", ...scripts]) put(name, readFileSync(join(source, name)));

// Two scripts of others, as they are built: the editor, and what makes pasted markup harmless.
const packages = join(here, "../../node_modules");
const withoutMap = (path) => text(join(packages, path)).replace(/\n\/\/# sourceMappingURL=.*/, "");
put("squire.js", `/*! Squire\n${text(join(packages, "squire-rte/LICENSE"))}*/\n${withoutMap("squire-rte/dist/squire.js")}`);
put("purify.js", withoutMap("dompurify/dist/purify.min.js"));

// The manifest last and at once, so that whoever reads meanwhile finds all that it names; then what it names no more.
const draft = join(target, `manifest.${process.pid}`);
writeFileSync(draft, `${JSON.stringify(manifest, null, 1)}\n`);
renameSync(draft, join(target, "manifest.json"));
const kept = new Set(["manifest.json", ".ready", ...Object.values(manifest.files)]);
for (const name of readdirSync(target)) {
  if (!kept.has(name) && !name.startsWith("manifest.")) rmSync(join(target, name));
}
