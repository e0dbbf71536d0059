import { render } from "preact";
import { App } from "./app.tsx";
import { listen } from "./keys.ts";
import { follow } from "./theme.ts";
import "./theme.css";
import "./style.css";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no place for the application");
follow();
listen();
render(<App />, root);
