"use strict";

/* Draws the API's description. Text is set as text, never as markup. */

let description;

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

/* Paragraphs; what stands between backquotes is code. */
function prose(text) {
  return text.split(/\n\s*\n/).map((paragraph) =>
    element("p", "", ...paragraph.split("`").map((part, index) => element(index % 2 ? "code" : "span", part))));
}

/* The schema itself, where it is only named. */
function resolved(schema) {
  if (!schema || !schema.$ref) return schema || {};
  const found = schema.$ref.split("/").slice(1).reduce((place, name) => place[name], description);
  return { ...found, ...schema, $ref: undefined };
}

function isKnown(schema) {
  return schema.type !== "null";
}

function typeOf(raw) {
  const schema = resolved(raw);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.format || schema.title && schema.properties && schema.title || schema.type || "any";
}

/* What a value of the schema looks like: its own example, or one made of its parts' examples. */
function exampleOf(raw, depth = 0) {
  const schema = resolved(raw);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples) return schema.examples[0];
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.anyOf) return exampleOf(schema.anyOf.find(isKnown), depth);
  if (schema.enum) return schema.enum[0];
  if (schema.properties && depth < 5) {
    const parts = Object.entries(schema.properties).map(([name, part]) => [name, exampleOf(part, depth + 1)]);
    return Object.fromEntries(parts);
  }
  if (schema.type === "array") return depth < 4 ? [exampleOf(schema.items, depth + 1)] : [];
  return { boolean: true, integer: 1, number: 1, string: "…", object: {} }[schema.type] ?? null;
}

function fieldRow(name, schema, isRequired, text) {
  const limits = ["minimum", "maximum", "minLength", "maxLength"].map((limit) => [limit, resolved(schema)[limit]]);
  const said = limits.filter(([, value]) => value !== undefined).map(([limit, value]) => `${limit} ${value}`);
  const described = [text || resolved(schema).description, said.join(", ")].filter(Boolean).join(" ");
  const title = isRequired ? `${name} (required)` : name;
  return element("tr", "", element("td", "", element("code", title)), element("td", typeOf(schema)),
    element("td", described));
}

function fieldTable(raw, required = []) {
  const fields = Object.entries(resolved(raw).properties || {});
  return element("table", "", ...fields.map(([name, part]) => fieldRow(name, part, required.includes(name))));
}

function curl(method, path, operation, body) {
  const server = new URL(".", location.href).href.replace(/[/]$/, "");
  const lines = [`curl -X ${method.toUpperCase()} "${server}${path}"`, '-H "Authorization: Bearer $HELIOS_KEY"'];
  if ((operation.parameters || []).some((parameter) => parameter.name === "If-Match")) {
    lines.push("-H 'If-Match: \"<the ETag that you saw>\"'");
  }
  if (body !== undefined) lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body)}'`);
  return lines.join(" \\\n  ");
}

function answers(operation) {
  return Object.entries(operation.responses).flatMap(([status, answer]) => {
    const schema = answer.content?.["application/json"]?.schema;
    const said = prose(`${status}: ${answer.description}`);
    if (!schema) return said;
    return [...said, fieldTable(schema), element("pre", JSON.stringify(exampleOf(schema), null, 2))];
  });
}

function operationOf(method, path, operation) {
  const title = element("summary", "", element("b", method.toUpperCase()), element("code", path),
    element("span", operation.description.split("\n")[0]));
  const drawn = element("details", "", title);
  drawn.addEventListener("toggle", () => drawn.childElementCount === 1 && fill(drawn, method, path, operation));
  return drawn;
}

/* What is inside is made when it is first opened: there is much of it. */
function fill(drawn, method, path, operation) {
  drawn.append(...prose(operation.description));
  const parameters = (operation.parameters || []).map((parameter) =>
    fieldRow(parameter.name, parameter.schema, parameter.required, parameter.description));
  if (parameters.length) drawn.append(element("h3", "Parameters"), element("table", "", ...parameters));
  const content = operation.requestBody?.content["application/json"];
  const body = content && (content.example ?? exampleOf(content.schema));
  if (content) drawn.append(element("h3", "Body"), fieldTable(content.schema, resolved(content.schema).required));
  drawn.append(element("h3", "Request"), element("pre", curl(method, path, operation, body)));
  drawn.append(element("h3", "Answers"), ...answers(operation));
}

function nounSection(noun, operations) {
  const title = element("h2", noun);
  title.id = noun;
  return element("section", "", title, ...operations.map((one) => operationOf(...one)));
}

function draw() {
  const byNoun = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const noun = operation.tags[0];
      byNoun.set(noun, [...byNoun.get(noun) || [], [method, path, operation]]);
    }
  }
  const { title, version, description: introduction } = description.info;
  const page = document.getElementById("page");
  page.replaceChildren(element("h1", `${title} REST API ${version}`), ...prose(introduction));
  page.append(...[...byNoun].map(([noun, operations]) => nounSection(noun, operations)));
  const links = [...byNoun.keys()].map((noun) => Object.assign(element("a", noun), { href: `#${noun}` }));
  document.getElementById("nouns").append(...links, Object.assign(element("a", "openapi.json"), { href: "openapi.json" }));
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then((found) => { description = found; draw(); })
  .catch((error) => { document.getElementById("page").textContent = `The description cannot be read: ${error.message}`; });
