/** Names for people who have not given theirs: one for each window of a browser. */

const NAMES: readonly string[] = [
  "Otter Heron Badger Kestrel Marten Plover Beaver Curlew Lynx Robin Hedgehog Swift Squirrel",
  "Wren Dormouse Puffin Albatross Alpaca Antelope Armadillo Avocet Bat Bear Bison Bittern",
  "Blackbird Boar Bobcat Bullfinch Bumblebee Bustard Buzzard Camel Capybara Caribou Chaffinch",
  "Chamois Cheetah Chinchilla Cicada Cormorant Coyote Crane Cricket Crow Cuckoo Dipper Dolphin",
  "Donkey Dove Dragonfly Dunlin Eagle Egret Eider Elk Emu Ermine Falcon Ferret Finch Flamingo",
  "Fox Gannet Gazelle Gecko Gibbon Giraffe Goldfinch Goose Goshawk Grebe Grouse Guillemot Hare",
  "Harrier Hawk Hoopoe Hornbill Ibex Ibis Iguana Jackdaw Jaguar Jay Kingfisher Kite Koala",
  "Lapwing Lark Lemming Lemur Leopard Linnet Lizard Magpie Mallard Manatee Marmot Meerkat",
  "Merlin Mink Mole Mongoose Moose Narwhal Newt Nightingale Nuthatch Ocelot Okapi Oriole Osprey",
  "Ouzel Owl Panda Panther Partridge Pelican Penguin Petrel Pheasant Pika Pipit Polecat",
  "Porcupine Quail Raven",
].flatMap((line) => line.split(" "));

/** The part of the browser's storage that all windows of one origin share. */
export interface SharedStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * The next name of this browser, so that two windows differ. `random` (0 to 1) says where a browser
 * begins: of a hundred pairs of browsers one begins at the same name.
 */
export function nextName(store: SharedStore, random: () => number): string {
  const kept = Number(store.getItem("names") ?? "");
  const at = Number.isInteger(kept) && kept > 0 ? kept : 1 + Math.floor(random() * NAMES.length);
  store.setItem("names", String(at + 1));
  return NAMES[at % NAMES.length] ?? "Otter";
}
