// On a phone each row of a list is a card: its cells are told what the head of their column says, and empty ones go.
const table = document.querySelector("#result_list");
if (table) {
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, number) => {
      if (cell.tagName === "TD" && heads[number]) {
        cell.dataset.label = heads[number];
        cell.classList.toggle("has-long-label", heads[number].length > 14);
      }
      cell.classList.toggle("is-empty", /^[-–]?$/.test(cell.textContent.trim()) && !cell.querySelector("img, svg, input, meter"));
    });
  }
}
