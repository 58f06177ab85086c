// The page of the settings: offers the zone this browser is in. Without script it is in the list.

const option = document.querySelector("[data-own-zone]");
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const known = [...option.parentElement.options].find((other) => other.value === timeZone);

if (known) {
  option.value = timeZone;
  option.textContent = `The zone of this computer, ${timeZone}`;
  option.hidden = option.disabled = false;
}
