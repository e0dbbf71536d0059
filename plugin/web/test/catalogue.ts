// What of a source file is text for people: what stands between tags, in attributes
// that are read out or shown, as the label or help of a key or tool, and every string
// that is words rather than a name.

import { parseAst } from "rolldown/parseAst";

export interface Text {
  node: Node;
  parent: Node;
  attribute: string;
  kind: "tags" | "template" | "string";
  text: string; // what stands for values: ${}
}

export interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

const shown = /^(title|aria-label|alt|placeholder|label)$/;
const named = /^(label|does|help)$/;
const words = /[A-Za-z]{2,}[,:.]? \(?[A-Za-z$]{2,}|^[A-Z][a-z]+[ :.]|\$\{\} [a-z]{2,}|[a-z]{2,} \$\{\}/;
const selector = /^[.#[(:]|=>|^application\/|^[a-z]+(:[a-z]+)?(, [a-z:]+)+$/;
const quiet = /^(console|performance)$|^(querySelector|querySelectorAll|closest|matches)$/; // not for people
const left = /^(ImportDeclaration|TSLiteralType|TSTypeAliasDeclaration|TSInterfaceDeclaration|ThrowStatement)$/;
const single = /^[A-Z][a-z]+$/;
const letters = /[A-Za-z]{2}/;

/** textsOf lists the texts of a source file, in its order. */
export function textsOf(code: string, tsx: boolean): Text[] {
  const found: Text[] = [];
  // child: what it is worth stands between tags; list: it is an entry of a list, other than of keys.
  const visit = (value: unknown, parent: Node, attribute: string, child = false, list = false): void => {
    if (Array.isArray(value)) {
      for (const v of value) visit(v, parent, attribute, child, list);
      return;
    }
    if (!value || typeof value !== "object" || typeof (value as Node).type !== "string") return;
    const node = value as Node;
    if (left.test(node.type)) return;
    if (node.type === "CallExpression" || node.type === "NewExpression") {
      const callee = node["callee"] as Node & { name?: string; object?: { name?: string }; property?: { name?: string } };
      if (callee.name === "Error" || quiet.test(callee.object?.name ?? "") || quiet.test(callee.property?.name ?? "")) return;
    }
    let at = attribute;
    if (node.type === "JSXAttribute") {
      at = String((node["name"] as { name: unknown }).name);
      if (at.startsWith("on")) at = "";
    }
    if (node.type === "JSXElement") at = "";
    if (node.type === "JSXText") {
      if (letters.test(String(node["value"]))) found.push({ node, parent, attribute: at, kind: "tags", text: String(node["value"]) });
      return;
    }
    const template = node.type === "TemplateLiteral";
    if (template || (node.type === "Literal" && typeof node["value"] === "string")) {
      const text = template ? (node["quasis"] as { value: { cooked: string } }[]).map((q) => q.value.cooked).join("${}") : String(node["value"]);
      const own = shown.test(at) || (parent.type === "Property" && parent["value"] === node && named.test(String((parent["key"] as { name?: string }).name)));
      const bare = (child && letters.test(text)) || (list && single.test(text));
      const is = bare || (own ? letters.test(text) && !/^(true|false)$/.test(text) : at === "" && words.test(text) && letters.test(text.replaceAll("${}", "")) && !selector.test(text));
      if (is) found.push({ node, parent, attribute: at, kind: template ? "template" : "string", text });
    }
    const between = node.type === "JSXExpressionContainer" && /^JSX(Element|Fragment)$/.test(parent.type);
    const passes = child && /^(Conditional|Logical)Expression$/.test(node.type);
    const listed = node.type === "ArrayExpression" && !(parent.type === "Property" && (parent["key"] as { name?: string }).name === "keys");
    for (const [key, c] of Object.entries(node)) if (key !== "parent") visit(c, node, at, between || (passes && key !== "test" && !(node.type === "LogicalExpression" && key === "left")), listed);
  };
  const tree = parseAst(code, { lang: tsx ? "tsx" : "ts", astType: "ts" }) as unknown as Node;
  visit(tree["body"], tree, "");
  return found;
}
