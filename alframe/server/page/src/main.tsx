import { render } from "preact";

import { App } from "./app";
import { resume } from "./store";
import "./style.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
void resume();
