const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");

const version = process.env.VERSION || readFileSync("version.txt", "utf8").trim();

createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`dockerfile ${version}\n`);
}).listen(process.env.PORT);

process.on("SIGTERM", () => process.exit(0));
