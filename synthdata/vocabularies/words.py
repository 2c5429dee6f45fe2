"""Common English nouns that vocabularies are chosen from."""

_TEXT = """
acorn actor airport album alley almond anchor ant apple apron arrow artist asteroid atom autumn
avocado axe badge bagel ballad balloon banana barley barn basil basket bass bay beach bean bear
beaver bee bell bench berry bicycle birch bird biscuit blanket blizzard boat bolt book bottle
bowl branch brass bread breeze brick bridge broom bucket bus butter button cabin cabinet cable
cactus cafe cake camera canal candle canoe canyon captain car carpet carrot castle cat cave
cello chair cheese cherry chest chimney chisel choir chord cinema circuit citrus clarinet cliff
clock cloud clover coal coast coat coffee coin comet compass concert cookie copper coral cork
corn cottage cotton cow crab crane crater crayon creek cricket crow crown cup curtain cymbal
daisy dam dancer dawn deer delta desert desk diamond dock dog dolphin door dove dragon drawer
drum duck dune dust eagle echo eclipse eel egg elbow elephant elm engine falcon farm feather
fence fern ferry fiddle field fig flag flame flood flour flower flute fog forest fork fountain
fox frog frost fruit galaxy garden garlic gate gear ghost ginger glacier glass globe glove goat
gold goose grape grass gravel guitar gull hail hall hammer harbor harp hat hawk hay hazel hedge
helmet herb heron hill honey hook horizon horn horse hotel house hurricane ice iron island ivory
ivy jacket jam jar jazz jelly jewel juice jungle kettle key kitchen kite knife ladder lake lamp
lantern lark laurel lava leaf lemon lens letter lichen lighthouse lightning lily lime lion
lizard lobster locket log lyric magnet mango map maple marble market mast meadow melody melon
meteor microphone milk mill mint mirror mist mole monkey moon moose moss moth motor mountain
mouse mud mug muffin mushroom music mustard nail napkin nebula nectar needle nest net note nut
oak oar oasis oat ocean octopus olive onion opera orange orbit orchard orchestra otter oven owl
ox oyster paddle palace palm pan pancake panda paper parrot pasta path peach pear pearl pebble
pelican pen pencil penguin pepper petal piano pie pier pig pillow pilot pine pipe pirate planet
plate plum pocket poem pond poppy port pot potato prism pump pumpkin quail quartz quilt rabbit
radio raft rail rain rainbow raven razor recipe reed reef rhythm ribbon rice ring river road
robin robot rocket roof root rope rose ruby rug sail sailor salad salmon salt sand satellite
saucer saw saxophone scarf school screw seal seed shadow shark sheep shelf shell ship shoe shore
shovel shrimp silk silver singer skillet sky sled sleet smoke snail snow soap song soup spade
spider sponge spoon spring spruce squid squirrel stage star statue steam steel stem stone storm
stove straw stream street string stump sugar summer sun sunrise surf swan sword symphony table
tail tambourine tea telescope temple tempo tent theater thistle thorn thread thunder tide tiger
tile toast tomato tornado torch tower toy tractor trail train tree trombone trumpet trunk tulip
tuna tunnel turtle twig umbrella valley vanilla vase vest village vine vinegar violin volcano
wagon wall walnut walrus water wave wax weasel whale wheat wheel whisk whistle willow wind
window wine wing winter wolf wood wool wren yacht yarn yeast zebra
"""
NOUNS = tuple(_TEXT.split())
