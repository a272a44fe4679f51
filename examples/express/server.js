const { readFileSync } = require("node:fs");
const express = require("express");

const version = process.env.VERSION || readFileSync("version.txt", "utf8").trim();
const app = express();

app.get("/", (request, response) => {
  response.type("text").send(`express ${version}\n`);
});

app.listen(process.env.PORT || 3000);
