import { render } from "preact";
import { App } from "./app.tsx";
import { listen } from "./keys.ts";
import "./style.css";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no place for the application");
listen();
render(<App />, root);
