import { register } from "node:module";

register("./served.mjs", import.meta.url);
