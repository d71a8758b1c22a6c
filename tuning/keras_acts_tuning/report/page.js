"use strict";
// Sorts a table by the column whose heading's button is pressed: numbers by value, texts by the alphabet,
// what is missing last, either way. Equal rows stay as they were.
function sortTable(button) {
  const heading = button.closest("th");
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const descending = heading.getAttribute("aria-sort") === "ascending";
  const rows = Array.from(table.tBodies[0].rows);
  const order = (row) => {
    const cell = row.cells[column];
    if (!cell.hasAttribute("data-v")) return cell.textContent.toLowerCase();
    const value = cell.getAttribute("data-v");
    if (value === "") return null;
    return value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value);
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const less = typeof a === typeof b ? a < b : typeof a === "number";
    const way = a === b ? 0 : less ? -1 : 1;
    return descending ? -way : way;
  };
  rows.map((row) => [order(row), row]).sort((a, b) => compare(a[0], b[0])).forEach(([, row]) => row.parentNode.append(row));
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("th > button");
  if (button) sortTable(button);
});
