import "./style.css";

document.querySelector("#path").textContent = window.location.pathname;
