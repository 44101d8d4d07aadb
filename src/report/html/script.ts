/** The page's behaviour; without it everything can still be read. */
export const script = `
'use strict'
const filters = document.querySelector('#filters')
filters.hidden = false
const boxes = [...filters.querySelectorAll('input')]
const apply = () => {
  const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value))
  for (const item of document.querySelectorAll('.tasks > li')) item.hidden = !shown.has(item.dataset.status)
}
filters.addEventListener('change', apply)
filters.querySelector('button').addEventListener('click', () => {
  const hosts = [...document.querySelectorAll('details.host')]
  const open = hosts.some((host) => !host.open)
  for (const host of hosts) host.open = open
})
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!target) return
  const host = target.closest('details.host')
  if (host) host.open = true
  const box = boxes.find((each) => each.value === target.dataset.status)
  if (box && !box.checked) { box.checked = true; apply() }
  target.scrollIntoView({ block: 'center' })
  if (target.matches('li')) target.focus({ preventScroll: true })
}
addEventListener('hashchange', reveal)
apply()
reveal()
`
